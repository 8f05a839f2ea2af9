import { drop, expectOne, pickOwn, type Client, type Done } from '../client.js'
import type { Session } from '../session.js'

/** A company signs up, with a branch, a customer and that customer's first call. */
export async function openCompany(session: Session, { ledger, random, own }: Client): Promise<Done> {
  const key = ledger.newKey()
  const branch = ledger.newKey()
  const customer = ledger.newKey()
  const call = ledger.newKey()
  const times = { created_at: session.now, updated_at: session.now }
  const name = `Neue Firma ${random.hex(4)} GmbH & Söhne`
  const id = await session.insert('companies', { name, slug: key, ...times })
  await session.insert('branches', { id: random.uuid(), company_id: id, name: 'Hauptgeschäft', slug: branch, ...times })
  const customerId = await session.insert('customers', {
    company_id: id,
    name: 'Erste Kundin',
    email: customer,
    ...times,
  })
  await session.insert('calls', {
    retell_call_id: call,
    company_id: id,
    customer_id: customerId,
    status: 'completed',
    transcript: call,
    ...times,
  })
  return {
    facts: [
      { type: 'present', entity: 'company', key, values: { name } },
      { type: 'present', entity: 'branch', key: branch, values: { company: id } },
      { type: 'present', entity: 'customer', key: customer, values: { company: id } },
      { type: 'present', entity: 'call', key: call, values: { company: id, customer: customerId, ending: call } },
    ],
    remember: () => own.companies.push({ key, id, branch, customer, call }),
  }
}

/** A company leaves: the foreign keys take the rest of it away. */
export function closeCompany(session: Session, client: Client): Promise<Done> | undefined {
  const company = pickOwn(client, client.own.companies)
  if (!company) return undefined
  const work = async (): Promise<Done> => {
    expectOne(await session.execute('DELETE FROM companies WHERE id = ?', company.id), 'a company')
    const forget = (): void => drop(client.own.companies, company)
    return {
      facts: [
        { type: 'absent', entity: 'company', key: company.key },
        { type: 'absent', entity: 'branch', key: company.branch },
        { type: 'absent', entity: 'customer', key: company.customer },
        { type: 'absent', entity: 'call', key: company.call },
      ],
      remember: forget,
      abandon: forget,
    }
  }
  return work()
}
