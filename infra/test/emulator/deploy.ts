// Deploys the real Pulumi program to an emulator: the program runs under mocks, and the mocks
// create each resource as it comes by, so that one resource's outputs are the next one's inputs.

import type * as pulumi from "@pulumi/pulumi";
import { runProgram } from "../program";
import { creatorsFor } from "./creators";
import { ACCOUNT, type Emulator, REGION } from "./runtime";

/** How Pulumi marks an object that wraps a secret, and the mark's value for one. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Deploys as the stack `e2e` and hands back the stack's outputs. */
export async function deploy(
  emulator: Emulator,
  config: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, any>>> {
  const creators = creatorsFor(emulator);
  // One failure brings down whatever depends on it; only the first says what is wrong.
  const failures: Error[] = [];
  const mocks: pulumi.runtime.Mocks = {
    newResource: async ({ type, name, inputs }) => {
      const plain = withoutSecrets(inputs);
      const create = creators[type];
      if (failures.length > 0) {
        return { id: name, state: plain };
      }
      try {
        if (create === undefined) {
          throw new Error("the emulator is not told how to create one");
        }
        const { id, state } = await create(plain, name);
        return { id, state: { ...plain, ...state } };
      } catch (cause) {
        failures.push(new Error(`${type} ${name}: ${String(cause)}`, { cause }));
        return { id: name, state: plain };
      }
    },
    call: ({ token }) => PLACE[token] ?? {},
  };
  const { outputs } = await runProgram("e2e", config, mocks);
  if (failures[0] !== undefined) {
    throw failures[0];
  }
  return outputs;
}

const PLACE: Readonly<Record<string, Record<string, string>>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": { accountId: ACCOUNT },
  "aws:index/getRegion:getRegion": { region: REGION },
  "aws:index/getPartition:getPartition": { partition: "aws" },
};

function withoutSecrets(value: any): any {
  if (Array.isArray(value)) {
    return value.map(withoutSecrets);
  }
  // Archives and promises are no plain objects, and stay as they are.
  if (
    typeof value !== "object" ||
    value === null ||
    Object.getPrototypeOf(value) !== Object.prototype
  ) {
    return value;
  }
  if (value[SIGNATURE] === SECRET) {
    return withoutSecrets(value.value);
  }
  const entries = Object.entries(value).map(([key, inner]) => [key, withoutSecrets(inner)]);
  return Object.fromEntries(entries);
}
