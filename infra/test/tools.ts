// The programs from PyPI that tests call, out of one virtual environment.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import * as path from "node:path";

/** The folder of the virtual environment: `PAYHOOK_VENV`, or `.venv` at the repository's root. */
export function virtualEnvironment(): string {
  const folder = process.env["PAYHOOK_VENV"] ?? path.join(__dirname, "..", "..", ".venv");
  if (!existsSync(path.join(folder, "bin", "python"))) {
    throw new Error(
      `no Python in ${folder}: make a virtual environment with the packages of ` +
        "infra/test/requirements.txt, and name it in PAYHOOK_VENV",
    );
  }
  return folder;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the virtual environment to its end. */
export function runTool(program: string, args: readonly string[], input: string): Ended {
  const file = path.join(virtualEnvironment(), "bin", program);
  const ended = spawnSync(file, args, { input, encoding: "utf8", timeout: 60_000 });
  if (ended.error !== undefined) {
    throw new Error(`${program} did not run: ${ended.error.message}`);
  }
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}
