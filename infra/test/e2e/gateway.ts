// A payment gateway of the test's own: it answers as the test says, and remembers what it was
// asked.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What the gateway was asked. */
export interface Call {
  readonly key: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: { readonly paymentId: string; readonly amount: string };
}

export interface Answer {
  readonly status: number;
  readonly body: object;
}

export class Gateway {
  private readonly plans = new Map<string, Answer[]>();
  readonly calls: Call[] = [];

  private constructor(private readonly server: Server) {}

  static async open(): Promise<Gateway> {
    const server = createServer();
    const gateway = new Gateway(server);
    server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
        const key = String(request.headers["idempotency-key"]);
        gateway.calls.push({ key, headers: request.headers, body });
        const answer = gateway.answer(body.paymentId);
        response.writeHead(answer.status, { "content-type": "application/json" });
        response.end(JSON.stringify(answer.body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/settle`;
  }

  /** The next answers for this payment; the last goes on, and without any it is settled. */
  plan(paymentId: string, ...answers: Answer[]): void {
    this.plans.set(paymentId, answers);
  }

  callsFor(paymentId: string): readonly Call[] {
    return this.calls.filter(({ body }) => body.paymentId === paymentId);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private answer(paymentId: string): Answer {
    const plan = this.plans.get(paymentId) ?? [];
    const next = plan.length > 1 ? plan.shift() : plan[0];
    return next ?? settled(paymentId);
  }
}

export function settled(paymentId: string): Answer {
  return { status: 200, body: { transactionId: `txn-${paymentId}` } };
}

export const UNAVAILABLE: Answer = { status: 503, body: { error: "try again" } };
export const DECLINED: Answer = { status: 402, body: { error: "no" } };
