/** The part of EventBridge's patterns that the stack uses: accepted values of a field, `anything-but` and `exists`. */
export function matches(pattern: unknown, event: unknown): boolean {
  return Object.entries(asObject(pattern)).every(([field, accepted]) => {
    const value = asObject(event)[field];
    return Array.isArray(accepted) ? accepted.some((each) => accepts(each, value)) : matches(accepted, value);
  });
}

function accepts(accepted: unknown, value: unknown): boolean {
  const { 'anything-but': excluded, exists } = asObject(accepted);
  if (typeof exists === 'boolean') {
    return exists === (value !== undefined);
  }
  return Array.isArray(excluded) ? value !== undefined && !excluded.includes(value) : accepted === value;
}

/** A value as an object; an empty one if it is none. */
export function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
