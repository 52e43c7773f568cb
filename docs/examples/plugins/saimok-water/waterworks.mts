// What the waterworks know and do. All of it is made up, and lives as long as the program.
import { createHash } from 'node:crypto'

/** An error that the manifest declares, with its words for the citizen. */
export class Declared extends Error {}

export interface Call {
  /** The 13 digits of the citizen it is about; null of a public operation. Never write them into a log. */
  readonly person: string | null
  readonly arguments: Readonly<Record<string, unknown>>
  /** A call of the check: about made-up people, and without effect on anybody else. */
  readonly isTest: boolean
}

interface Bill {
  readonly number: string
  readonly readOn: string
  readonly cubicMetres: number
  readonly satang: number
  readonly due: string
  readonly paid: boolean
}

interface Meter {
  readonly number: string
  readonly pipe: string
  readonly bills: readonly Bill[]
}

interface Request {
  readonly reference: string
  readonly at: string
  readonly cancelledAt?: string
}

interface File {
  readonly sealed: boolean
  readonly meters: readonly Meter[]
  readonly requests: ReadonlyMap<string, Request>
}

interface Application {
  readonly id: string
  readonly submittedAt: string
}

const TEST_NOW = '2026-11-16T10:00:00+07:00'
const PRICES = [[1, 1025], [11, 1600], [31, 2175]] as const
const NOTHING: File = { sealed: false, meters: [], requests: new Map() }
const MADE_UP: ReadonlyMap<string, File> = new Map([
  ['0000000000001', {
    sealed: false,
    meters: [{
      number: 'SM-0001',
      pipe: 'HALF_INCH',
      bills: [
        { number: '2569-10', readOn: '2026-10-31', cubicMetres: 14, satang: 16650, due: '2026-11-30', paid: false },
        { number: '2569-9', readOn: '2026-09-30', cubicMetres: 9, satang: 9225, due: '2026-10-31', paid: true },
      ],
    }],
    requests: new Map([['W-2569-7', { reference: 'W-2569-7', at: '2026-11-02T09:00:00+07:00' }]]),
  }],
  ['0000000000027', { ...NOTHING, sealed: true }],
])
const people = new Map(MADE_UP)

const fileOf = (call: Call): File => (call.isTest ? MADE_UP : people).get(call.person ?? '') ?? NOTHING
const now = (call: Call): string => (call.isTest ? TEST_NOW : new Date().toISOString())
const baht = (satang: number) => ({ satang, currency: 'THB' })

async function meters(call: Call) {
  const file = fileOf(call)
  if (file.sealed) throw new Declared('METER_SEALED')
  const unpaidOnly = call.arguments['unpaidOnly'] === true
  return file.meters.map(({ bills, ...meter }) => ({
    ...meter,
    bills: bills
      .filter((bill) => !bill.paid || !unpaidOnly)
      .map(({ satang, ...bill }) => ({ ...bill, amount: baht(satang) })),
  }))
}

async function tariff() {
  return PRICES.map(([fromCubicMetre, satang]) => ({ fromCubicMetre, price: baht(satang) }))
}

/** Called once for an application, however often it comes: server.mts sees to that. */
async function connect(call: Call) {
  const application = call.arguments['application'] as Application
  const reference = `W-${createHash('sha256').update(application.id).digest('hex').slice(0, 12)}`
  return keep(call, { reference, at: application.submittedAt })
}

async function connection(call: Call) {
  return stateOf(requestOf(call))
}

async function cancelConnection(call: Call) {
  const request = requestOf(call)
  return keep(call, { ...request, cancelledAt: request.cancelledAt ?? now(call) })
}

/** The citizen's own request of that number: somebody else's is none. */
function requestOf(call: Call): Request {
  const found = fileOf(call).requests.get(String(call.arguments['reference']))
  if (!found) throw new Declared('NO_SUCH_REQUEST')
  return found
}

function keep(call: Call, request: Request) {
  const file = fileOf(call)
  if (!call.isTest && call.person) {
    people.set(call.person, { ...file, requests: new Map([...file.requests, [request.reference, request]]) })
  }
  return stateOf(request)
}

function stateOf({ reference, at, cancelledAt }: Request) {
  if (cancelledAt) return { reference, state: 'CANCELLED', at: cancelledAt }
  const text = { th: 'ค่าติดตั้งมาตรน้ำ', en: 'Installing a meter' }
  return { reference, state: 'RECEIVED', at, payment: { satang: 107000, text } }
}

type Operation = (call: Call) => Promise<unknown>

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>(
  Object.entries({ meters, tariff, connect, connection, cancelConnection }),
)
