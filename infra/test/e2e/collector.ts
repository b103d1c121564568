// A real collector of OpenTelemetry (rotel), which prints every span that it is sent.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { end, freePort } from "../emulator/runtime";
import { eventually } from "../emulator/wait";
import { runTool } from "../tools";

export interface Span {
  readonly service: string;
  readonly name: string;
  readonly trace: string;
  readonly id: string;
  readonly parent: string;
  readonly links: readonly { readonly trace: string; readonly id: string }[];
}

export class Collector {
  private output = "";

  private constructor(
    private readonly child: ChildProcess,
    readonly endpoint: string,
  ) {
    child.stdout?.on("data", (chunk: Buffer) => (this.output += chunk.toString("utf8")));
    child.stderr?.on("data", (chunk: Buffer) => (this.output += chunk.toString("utf8")));
  }

  static async open(): Promise<Collector> {
    const [http, grpc] = [await freePort(), await freePort()];
    const endpoint = `http://127.0.0.1:${http}`;
    const args = ["start", "--otlp-http-endpoint", `127.0.0.1:${http}`];
    args.push("--otlp-grpc-endpoint", `127.0.0.1:${grpc}`, "--exporter", "blackhole");
    args.push("--debug-log", "traces", "--debug-log-verbosity", "detailed");
    const child = spawn(program(), args, { cwd: tmpdir(), stdio: ["ignore", "pipe", "pipe"] });
    await once(child, "spawn");
    const collector = new Collector(child, endpoint);
    await eventually("the collector listens", 15_000, async () => {
      // It has no page of its own: any answer will do.
      return (await fetch(endpoint)).status > 0;
    });
    return collector;
  }

  close(): Promise<void> {
    return end(this.child);
  }

  /** Every span so far. */
  spans(): Span[] {
    return this.output.split(/^ResourceSpans #\d+$/m).flatMap((resource) => {
      const service = /service\.name: Str\((.*)\)/.exec(resource)?.[1] ?? "";
      const [, ...spans] = resource.split(/^Span #\d+$/m);
      return spans.map((text) => readSpan(service, text));
    });
  }
}

function readSpan(service: string, text: string): Span {
  const [own = "", ...links] = text.split(/^SpanLink #\d+$/m);
  return {
    service,
    name: field(own, "Name"),
    trace: field(own, "Trace ID"),
    id: field(own, "ID"),
    parent: field(own, "Parent ID"),
    links: links.map((link) => ({ trace: field(link, "Trace ID"), id: field(link, "ID") })),
  };
}

function field(text: string, name: string): string {
  return new RegExp(`^[ >-]*${name} *: *(\\S*)`, "m").exec(text)?.[1] ?? "";
}

/** The program itself: its Python package only wraps it. */
function program(): string {
  const where = "from importlib.util import find_spec; print(find_spec('rotel').origin)";
  const { code, stdout, stderr } = runTool("python", ["-c", where], "");
  if (code !== 0) {
    throw new Error(`rotel is not in the virtual environment: ${stderr}`);
  }
  return path.join(path.dirname(stdout.trim()), "rotel-agent");
}
