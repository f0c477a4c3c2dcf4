import { expect } from 'vitest';

/** Checks that nothing of what was recorded contains a password, also not in the forms of a URL and of a form. */
export function expectWithoutPasswords(recorded: unknown, passwords: readonly string[]): void {
  const text = JSON.stringify(recorded);
  for (const password of passwords) {
    expect(password).not.toBe('');
    for (const form of [
      password,
      encodeURIComponent(password),
      new URLSearchParams({ '': password }).toString().slice(1),
    ]) {
      expect(text.includes(JSON.stringify(form).slice(1, -1))).toBe(false);
    }
  }
}
