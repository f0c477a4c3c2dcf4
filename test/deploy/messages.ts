/** What the operators and the people who are responsible for a brand receive. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect } from 'vitest';
import { alarms } from './suite.ts';

/** A message as a subscriber of the topic receives it. */
export interface Message {
  readonly subject: string;
  readonly text: string;
}

/**
 * All messages about an order, after at least so many have arrived. A message that should not be sent would arrive
 * within seconds.
 */
export async function messagesAbout(order: string, expected: number): Promise<Message[]> {
  const about = () => alarms.messages.filter((body) => body.includes(order));
  while (about().length < expected) {
    await alarms.receive();
    await wait(200);
  }
  await wait(2_000);
  await alarms.receive();
  return about().map((body) => {
    const { Subject = '', Message: text = '' } = JSON.parse(body) as { Subject?: string; Message?: string };
    expectReadable({ subject: Subject, text }, order);
    return { subject: Subject, text };
  });
}

/** What every message must be: a subject that SNS accepts, and plain text with a next step and a link. */
function expectReadable({ subject, text }: Message, order: string): void {
  expect(subject).toMatch(/^[\x20-\x7e]{1,100}$/);
  expect(subject).toContain(order);
  expect(text).toMatch(/https:\/\/\S+#[a-z-]+/);
  expect(text).not.toMatch(/^\s*["{[]|errorMessage|\n\s+at /);
}
