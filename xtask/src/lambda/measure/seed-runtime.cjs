// Runs a Node.js handler against the Lambda Runtime API: asks for an event, calls, answers.
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const { handler } = require(process.argv[2]);
console.log = () => {};
console.error = () => {};

async function run() {
  for (;;) {
    const next = await fetch(`${api}/next`);
    const id = next.headers.get("lambda-runtime-aws-request-id");
    const event = await next.json();
    try {
      const answer = await handler(event);
      await fetch(`${api}/${id}/response`, { method: "POST", body: JSON.stringify(answer) });
    } catch (error) {
      const body = JSON.stringify({ errorType: error.name, errorMessage: error.message });
      await fetch(`${api}/${id}/error`, { method: "POST", body });
    }
  }
}
run();
