/** Environment variables, as Node gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The value of a variable that the stack sets.
 *
 * @throws {Error} where it is missing: the function is deployed wrongly, and no call should come that far.
 */
export function variable(environment: Environment, name: string): string {
  const value = environment[name];
  if (!value) {
    throw new Error(`The environment variable ${name} is missing: deploy the function with the project's stack`);
  }
  return value;
}
