// The real binary in a directory of its own, filled by real webhooks.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Longest wait for anything that is expected to happen. */
export const PATIENCE_MS = 30_000;

const BINARY = process.env["PAYHOOK_BIN"];

/** A running `payhook serve`; ends with `stop`. */
export class Payhook {
  private process: ChildProcess | undefined;
  private readonly directory = mkdtempSync(join(tmpdir(), "payhook-browser-"));

  private constructor() {}

  /** Starts one whose configuration is `config`, ports and data directory aside. */
  static async start(config: string): Promise<Payhook> {
    const payhook = new Payhook();
    payhook.configure(config);
    await payhook.serve();
    return payhook;
  }

  /** Writes the configuration anew, for the next start. */
  configure(config: string): void {
    const text = `
      server.listen = "127.0.0.1:0"
      admin.listen = "127.0.0.1:0"
      store.path = "${this.data}"
      ${config}`;
    writeFileSync(this.config, text);
  }

  /** Stops it and starts it again. */
  async restart(): Promise<void> {
    await this.end();
    await this.serve();
  }

  /** Stops it, and forgets everything. */
  async stop(): Promise<void> {
    await this.end();
    rmSync(this.directory, { recursive: true });
  }

  /** What a verb of the command line prints; one that sends exits with 1 when it is refused. */
  async cli(...words: string[]): Promise<string> {
    try {
      const { stdout } = await run(binary(), ["--config", this.config, ...words]);
      return stdout;
    } catch (failed) {
      const { code, stdout, stderr } = failed as { code: number; stdout: string; stderr: string };
      if (code !== 1) {
        throw new Error(`payhook ${words.join(" ")}: ${stderr}`);
      }
      return stdout;
    }
  }

  /** A link that signs a browser in. */
  async door(): Promise<string> {
    return JSON.parse(await this.cli("--json", "dashboard")).url;
  }

  private async serve(): Promise<void> {
    const log = openSync(join(this.directory, "log"), "a");
    const child = spawn(binary(), ["--config", this.config, "serve"], {
      stdio: ["ignore", log, log],
    });
    this.process = child;
    await until("the server is there", () => {
      if (child.exitCode !== null) {
        throw new Error(readFileSync(join(this.directory, "log"), "utf8"));
      }
      const file = join(this.data, "server.json");
      return existsSync(file) && JSON.parse(readFileSync(file, "utf8")).pid === child.pid;
    });
  }

  private async end(): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null) {
      return;
    }
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }

  private get data(): string {
    return join(this.directory, "data");
  }

  private get config(): string {
    return join(this.directory, "payhook.toml");
  }
}

/** Looks until it is so. */
export async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await look())) {
    if (Date.now() > deadline) {
      throw new Error(`waited in vain: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function binary(): string {
  if (BINARY === undefined) {
    throw new Error("PAYHOOK_BIN names the binary; `cargo xtask test --suite browser` sets it");
  }
  return BINARY;
}
