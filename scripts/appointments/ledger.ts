/** The ledger: what was acknowledged, and whether it is there. */
export { Ledger } from './ledger/ledger.js'
export { checkLedger } from './ledger/check.js'
