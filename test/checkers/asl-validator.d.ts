/** The part of asl-validator that the tests use. The package contains no types. */
declare module 'asl-validator' {
  interface Result {
    readonly isValid: boolean;
    readonly errors: readonly object[];
    errorsText(): string;
  }
  /** Adds the default query language to the states of the definition. */
  export default function validate(definition: object): Result;
}
