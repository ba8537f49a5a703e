// node xstate.mjs FOLDER < RUNS: runs each {config, context?, events} in XState and prints its snapshots.
// The functions are those of the recorded cases and of the example machine in example.py.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const X = createRequire(process.argv[2] + '/')('xstate')
const own = (object, key) => Object.prototype.hasOwnProperty.call(object, key)
const same = (left, right) => JSON.stringify(left) === JSON.stringify(right)
const list = value => (value === undefined ? [] : Array.isArray(value) ? value : [value])
const event = given => (typeof given === 'string' ? { type: given } : given)
const change = update => X.assign(({ context }, params) => update(context, params))

const actions = {
  set: change((_, { key, value }) => ({ [key]: value })),
  inc: change((context, { key, by = 1 }) => ({ [key]: (context[key] ?? 0) + by })),
  append: change((context, { key, value }) => ({ [key]: [...(context[key] ?? []), value] })),
  note_minutes: X.assign(({ event }) => ({ minutes: event.prep_minutes })),
  note_receipt: X.assign(({ event }) => ({ receipt: event.output })),
}
const guards = {
  eq: ({ context }, { key, value }) => own(context, key) && same(context[key], value),
  gt: ({ context }, { key, value }) => own(context, key) && context[key] > value,
  eventEq: ({ event }, { key, value }) => own(event, key) && same(event[key], value),
  is_express: ({ context }) => context.express === true,
  is_quick: ({ event }) => event.prep_minutes < 30,
}
const makers = { nudged: () => ({ type: 'paused' }) }
const delays = { patience: 60_000, pickup_time: 60_000 }
const actors = { charge: X.fromPromise(() => new Promise(() => {})) }

// The vocabulary's own words become XState's functions.
function doing(given) {
  const { type, params } = typeof given === 'string' ? { type: given } : given
  if (type === 'raise') return X.raise(params.maker ? makers[params.maker] : event(params.event))
  if (type === 'send') return X.sendTo(({ self }) => self, event(params.event), { id: params.id, delay: params.delay })
  if (type === 'cancel') return X.cancel(params.id)
  return given
}
function guard(given) {
  const { type, params } = typeof given === 'string' ? { type: given } : given
  if (type === 'and') return X.and(params.guards.map(guard))
  if (type === 'or') return X.or(params.guards.map(guard))
  if (type === 'not') return X.not(guard(params.guard))
  if (type === 'in') return X.stateIn(params.state)
  return given
}
const doings = given => list(given).map(doing)
const transition = given => ({
  ...given,
  ...(given.actions && { actions: doings(given.actions) }),
  ...(given.guard && { guard: guard(given.guard) }),
})
const transitions = given => list(given).map(transition)
const each = (object, f) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, f(value)]))
function state(given) {
  const made = { ...given }
  for (const key of ['entry', 'exit']) if (given[key]) made[key] = doings(given[key])
  for (const key of ['always', 'onDone']) if (given[key]) made[key] = transitions(given[key])
  for (const key of ['on', 'after']) if (given[key]) made[key] = each(given[key], transitions)
  if (given.initial?.actions) made.initial = { ...given.initial, actions: doings(given.initial.actions) }
  if (given.invoke)
    made.invoke = list(given.invoke).map(one => ({
      ...one,
      ...(one.onDone && { onDone: transitions(one.onDone) }),
      ...(one.onError && { onError: transitions(one.onError) }),
    }))
  if (given.states) made.states = each(given.states, state)
  return made
}

function run({ config, context, events }) {
  const machine = X.createMachine({ ...state(config), ...(context && { context }) }, { actions, guards, delays, actors })
  const actor = X.createActor(machine, { clock: new X.SimulatedClock() })
  const snapshot = () => {
    const { value, status, context } = actor.getSnapshot()
    return structuredClone({ value, status, context })
  }
  actor.subscribe({ error: () => {} })
  actor.start()
  return [snapshot(), ...events.map(event => (actor.send(event), snapshot()))]
}

console.warn = () => {}
const told = JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(run))
process.stdout.write(told, () => process.exit(0))
