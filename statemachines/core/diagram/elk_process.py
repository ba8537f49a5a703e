"""ELK in QuickJS, in a process of its own: one line of JSON in, one line out for each layout.

Run by path, not imported, so that nothing else is loaded: a layout that hangs or crashes ends nobody but itself.
Limits: `elkjs` takes its messages as a web worker would; what it needs of a browser is made up here.
"""

import sys
from pathlib import Path

BROWSER = """
var self = globalThis, console = {log() {}, error() {}, warn() {}, info() {}, debug() {}}, answers = [];
globalThis.postMessage = (message) => answers.push(message);
globalThis.setTimeout = (run) => { run(); return 0; };
globalThis.setInterval = () => 0;
globalThis.clearTimeout = globalThis.clearInterval = () => {};
"""
LAYOUT = """
function ask(message) {
  answers = [];
  self.onmessage({data: message});
  if (answers[0].error) throw new Error(JSON.stringify(answers[0].error.message || answers[0].error));
  return answers[0].data;
}
ask({id: 1, cmd: "register", algorithms: ["layered"]});
function layout(graph) {
  try {
    const placed = ask({id: 2, cmd: "layout", graph: JSON.parse(graph), layoutOptions: {}, options: {}});
    return JSON.stringify(placed, (name, value) => name === "$H" || name === "layoutOptions" ? undefined : value);
  } catch (error) {
    return JSON.stringify({problem: String(error)});
  }
}
"""
STACK_BYTES = 6 * 1024 * 1024  # of the 8 MB that a main thread has


def main(elk: str) -> None:
    import quickjs  # here alone, so that the module can be imported without it

    context = quickjs.Context()
    context.set_max_stack_size(STACK_BYTES)
    for source in (BROWSER, Path(elk).read_text(encoding="utf-8"), LAYOUT):
        context.eval(source)
    layout = context.get("layout")
    for line in sys.stdin:
        print(layout(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
