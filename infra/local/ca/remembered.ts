/**
 * A function that remembers its results as long as its arguments exist. A test run issues thousands of certificates with
 * the same keys and issuers.
 */
export function remembered<Argument extends object, Result>(
  calculate: (argument: Argument) => Result,
): (argument: Argument) => Result {
  const results = new WeakMap<Argument, { readonly result: Result }>();
  return (argument) => {
    const known = results.get(argument) ?? { result: calculate(argument) };
    results.set(argument, known);
    return known.result;
  };
}
