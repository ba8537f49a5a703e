// node xstate.mjs FOLDER CHART MODE SECONDS WARM_UP: print XState's events per second of CPU time.
// hot: a live actor; pure: transition(); rehydrate: JSON -> actor -> JSON; pure_rehydrate: JSON -> resolveState -> JSON.
import { createRequire } from 'node:module'

const [folder, chart, mode, seconds, warmUp] = process.argv.slice(2)
const X = createRequire(folder + '/')('xstate')
const go = (target, more) => ({ target, actions: 'bump', ...more })
const { createMachine } = X.setup({ actions: { bump: X.assign({ n: ({ context }) => context.n + 1 }) } })

const places = ['placed', 'offered', 'accepted', 'ready', 'courier_offered', 'on_the_way', 'delivered']
const moves = ['offer', 'accept', 'mark_ready', 'offer_courier', 'pick_up', 'deliver', 'reset']
const flat = Object.fromEntries(
  places.map((place, i) => [place, { on: { [moves[i]]: go(places[(i + 1) % places.length]) } }])
)
const line = (...steps) => Object.fromEntries(steps.map(([name, event, to]) => [name, event ? { on: { [event]: go(to) } } : {}]))
const kitchen = line(['waiting', 'accept', 'cooking'], ['cooking', 'ready', 'done'], ['done'])
const courier = line(['searching', 'offer', 'offered'], ['offered', 'assign', 'assigned'], ['assigned', 'at_restaurant', 'there'], ['there'])
const both = X.and([X.stateIn({ active: { kitchen: 'done' } }), X.stateIn({ active: { courier: 'there' } })])
const nested = {
  placed: { on: { pay: go('active') } },
  active: {
    type: 'parallel',
    on: { pickup: go('delivering', { guard: both }) },
    states: { kitchen: { initial: 'waiting', states: kitchen }, courier: { initial: 'searching', states: courier } },
  },
  delivering: { initial: 'on_the_way', on: { deliver: go('delivered') }, states: line(['on_the_way', 'arrive', 'at_door'], ['at_door']) },
  delivered: { on: { reset: go('placed') } },
}
const names = chart === 'flat' ? moves : ['pay', 'accept', 'offer', 'assign', 'ready', 'at_restaurant', 'pickup', 'arrive', 'deliver', 'reset']
const events = names.map(type => ({ type }))
const machine = createMachine({ id: 'order', initial: 'placed', context: { n: 0 }, states: chart === 'flat' ? flat : nested })

const modes = {
  hot() {
    const actor = X.createActor(machine).start()
    return [event => actor.send(event), () => actor.getSnapshot().value]
  },
  pure() {
    let [snapshot] = X.initialTransition(machine)
    return [event => ([snapshot] = X.transition(machine, snapshot, event)), () => snapshot.value]
  },
  rehydrate() {
    let text = JSON.stringify(X.createActor(machine).start().getPersistedSnapshot())
    const step = event => {
      const actor = X.createActor(machine, { snapshot: JSON.parse(text) }).start()
      actor.send(event)
      text = JSON.stringify(actor.getPersistedSnapshot())
      actor.stop()
    }
    return [step, () => JSON.parse(text).value]
  },
  pure_rehydrate() {
    let text = JSON.stringify({ value: 'placed', context: { n: 0 } })
    const step = event => {
      const [{ value, context }] = X.transition(machine, machine.resolveState(JSON.parse(text)), event)
      text = JSON.stringify({ value, context })
    }
    return [step, () => JSON.parse(text).value]
  },
}
const [step, value] = modes[mode]()
const cpu = () => (({ user, system }) => (user + system) / 1e6)(process.cpuUsage())
function rate(duration) {
  const begun = cpu()
  let count = 0
  let spent = 0
  for (; spent < duration; spent = cpu() - begun, count += events.length) for (const event of events) step(event)
  if (value() !== 'placed') throw new Error(`ended in ${JSON.stringify(value())}`)
  return count / spent
}
rate(+warmUp)
console.log(rate(+seconds))
