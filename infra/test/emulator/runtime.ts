// An emulated AWS of a test's own: a child process on loopback, on a free port, with IAM
// enforced, and gone when the test is.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { virtualEnvironment } from "../tools";
import { eventually } from "./wait";

export const REGION = "us-east-1";
export const ACCOUNT = "000000000000";

export interface Emulator {
  readonly endpoint: string;
  /** What every client of the emulator is made with: the account's owner, who may do anything. */
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** What the emulator and the functions' own output have written so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts an emulator. `environment` reaches it and every function that it runs. */
export async function startEmulator(
  environment: Readonly<Record<string, string>> = {},
): Promise<Emulator> {
  const folder = mkdtempSync(path.join(tmpdir(), "payhook-emulator-"));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const logFile = path.join(folder, "emulator.log");
  const child = launch(folder, logFile, {
    PATH: process.env["PATH"] ?? "",
    TMPDIR: folder,
    GATEWAY_PORT: String(port),
    BIND_HOST: "127.0.0.1",
    // Handed on to every function, which would call the real AWS without it.
    AWS_ENDPOINT_URL: endpoint,
    AUTH: "true",
    SFN_WAIT_SCALE: "0.01",
    SFTP_ENABLED: "0",
    ...environment,
  });
  const log = () => readFileSync(logFile, "utf8");
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await eventually("the emulator answers", 30_000, async () => {
      if (child.exitCode !== null) {
        throw new Error(`the emulator ended with ${child.exitCode}`);
      }
      return (await fetch(`${endpoint}/_ministack/health`)).ok;
    });
  } catch (error) {
    const written = log();
    await stop();
    throw new Error(`${String(error)}\n${written}`);
  }
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return { endpoint, client: { endpoint, region: REGION, credentials }, log, stop };
}

function launch(folder: string, logFile: string, env: Record<string, string>): ChildProcess {
  const python = path.join(virtualEnvironment(), "bin", "python");
  const output = openSync(logFile, "a");
  const launcher = path.join(__dirname, "launcher.py");
  // The pipe to its standard input closes when this process ends, and the launcher ends then.
  const child = spawn(python, [launcher], { cwd: folder, env, stdio: ["pipe", output, output] });
  closeSync(output);
  return child;
}

/** Ends a process that this one has started. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(late);
}

/** A port of loopback that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
