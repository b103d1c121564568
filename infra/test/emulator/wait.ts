// Waiting for something by its own sign, and for no longer than it may take.

const POLL_MS = 25;

/**
 * Calls `look` until it answers with something true, and hands that on. A failure of `look` is
 * the same as not yet; the last one is told when the time is over.
 */
export async function eventually<T>(
  what: string,
  deadlineMs: number,
  look: () => Promise<T | undefined | null | false>,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  let last: unknown = "nothing was seen";
  for (;;) {
    try {
      const seen = await look();
      if (seen) {
        return seen;
      }
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`not within ${deadlineMs} ms: ${what} (${String(last)})`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
