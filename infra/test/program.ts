// Runs the real Pulumi program against mocks that somebody else supplies.

import * as pulumi from "@pulumi/pulumi";
import { vi } from "vitest";

export const PROJECT = "payhook";

/** The options of a resource that decide what an update may do to it. */
export interface ResourceOptions {
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly deleteBeforeReplace: boolean;
}

export interface ProgramRun {
  /** The stack's outputs. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** By logical name. */
  readonly options: ReadonlyMap<string, ResourceOptions>;
}

/** Runs `index.ts` as the stack `stack` and waits until every resource has been created. */
export async function runProgram(
  stack: string,
  config: Readonly<Record<string, string>>,
  mocks: pulumi.runtime.Mocks,
): Promise<ProgramRun> {
  const entries = Object.entries(config).map(([key, value]) => [`${PROJECT}:${key}`, value]);
  pulumi.runtime.setAllConfig(Object.fromEntries(entries));
  await pulumi.runtime.setMocks(mocks, PROJECT, stack, false);
  const options = recordOptions();
  vi.resetModules();
  const exported: Record<string, unknown> = await import("../index");
  await pulumi.runtime.disconnect();
  return { outputs: await valueOf(exported), options };
}

/** The value of something with outputs in it, once they are known. */
export function valueOf<T>(value: pulumi.Input<T>): Promise<T> {
  return new Promise((resolve) => {
    pulumi.output(value).apply((known) => resolve(known as T));
  });
}

/** Mocks are not told of a resource's options, so they are read where its request passes by. */
function recordOptions(): ReadonlyMap<string, ResourceOptions> {
  const options = new Map<string, ResourceOptions>();
  const monitor = pulumi.runtime.getMonitor() as unknown as {
    registerResource(request: RegisterRequest, callback: unknown): unknown;
  };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) => {
    options.set(request.getName(), {
      protect: request.getProtect() ?? false,
      retainOnDelete: request.getRetainondelete() ?? false,
      deleteBeforeReplace: request.getDeletebeforereplace(),
    });
    return register(request, callback);
  };
  return options;
}

interface RegisterRequest {
  getName(): string;
  getProtect(): boolean | undefined;
  getRetainondelete(): boolean | undefined;
  getDeletebeforereplace(): boolean;
}
