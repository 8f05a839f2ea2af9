/** The ledger: what was acknowledged, and whether it is there. */
export { Ledger, type Entity, type Fact, type LedgerOptions, type Values } from './ledger/ledger.js'
export { checkLedger, type CheckOptions, type LedgerResult } from './ledger/check.js'
