// Lambda's Runtime API for one function and one invocation, so that a test can choose the trace
// header, which the emulator makes up by itself.

import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { runTool } from "../tools";

export interface Invocation {
  readonly event: object;
  readonly traceHeader: string;
}

/** What the function posted, and where: `/response` or `/error`. */
export interface Posted {
  readonly path: string;
  readonly body: any;
}

/** Runs the function in `archive`, hands it one invocation, and answers with what it answers. */
export async function invokeOnce(
  archive: string,
  environment: Readonly<Record<string, string>>,
  invocation: Invocation,
): Promise<Posted> {
  const folder = mkdtempSync(path.join(tmpdir(), "payhook-function-"));
  const server = createServer();
  const posted = answerTo(server, invocation);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const child = launch(archive, folder, {
    ...environment,
    AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const tooEarly = ended.then((code) => {
    throw new Error(`the function ended with ${code} before it answered`);
  });
  try {
    return await Promise.race([posted, tooEarly]);
  } finally {
    // It was waiting for the next invocation, which never comes.
    tooEarly.catch(() => undefined);
    child.kill("SIGKILL");
    await ended;
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Hands out the invocation once, and takes what is posted. */
function answerTo(server: Server, { event, traceHeader }: Invocation): Promise<Posted> {
  let handedOut = false;
  return new Promise((resolve) => {
    server.on("request", (request, response) => {
      if (request.url?.endsWith("/invocation/next")) {
        if (!handedOut) {
          handedOut = true;
          response.writeHead(200, {
            "content-type": "application/json",
            "lambda-runtime-aws-request-id": "00000000-0000-0000-0000-000000000001",
            "lambda-runtime-deadline-ms": String(Date.now() + 30_000),
            "lambda-runtime-invoked-function-arn": FUNCTION_ARN,
            "lambda-runtime-trace-id": traceHeader,
          });
          response.end(JSON.stringify(event));
        }
        return;
      }
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        response.writeHead(202).end();
        const body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
        resolve({ path: request.url ?? "", body });
      });
    });
  });
}

const FUNCTION_ARN = "arn:aws:lambda:us-east-1:000000000000:function:f";

function launch(archive: string, folder: string, env: Record<string, string>): ChildProcess {
  const { code, stderr } = runTool("python", ["-m", "zipfile", "-e", archive, folder], "");
  if (code !== 0) {
    throw new Error(`${archive} cannot be unpacked: ${stderr}`);
  }
  const bootstrap = path.join(folder, "bootstrap");
  chmodSync(bootstrap, 0o755);
  return spawn(bootstrap, [], {
    cwd: folder,
    stdio: "ignore",
    env: {
      AWS_LAMBDA_FUNCTION_NAME: "f",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
      AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
      AWS_LAMBDA_LOG_GROUP_NAME: "f",
      AWS_LAMBDA_LOG_STREAM_NAME: "f",
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      ...env,
    },
  });
}
