// X-Ray's daemon as far as a function knows it: a UDP port that takes segments.

import { createSocket, type Socket } from "node:dgram";

/** A segment document, as far as tests look. */
export interface Segment {
  readonly name: string;
  readonly type?: string;
  readonly id: string;
  readonly trace_id: string;
  readonly parent_id?: string;
  readonly annotations?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export class Daemon {
  readonly segments: Segment[] = [];
  /** Datagrams that are none of the daemon's protocol. */
  readonly strange: string[] = [];

  private constructor(private readonly socket: Socket) {
    socket.on("message", (message) => this.take(message.toString("utf8")));
  }

  static async open(): Promise<Daemon> {
    const socket = createSocket("udp4");
    const daemon = new Daemon(socket);
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return daemon;
  }

  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.socket.close(() => resolve()));
  }

  private take(message: string): void {
    const [header, ...rest] = message.split("\n");
    const { format, version } = JSON.parse(header ?? "{}");
    if (format === "json" && version === 1 && rest.length > 0) {
      this.segments.push(JSON.parse(rest.join("\n")));
    } else {
      this.strange.push(message);
    }
  }
}
