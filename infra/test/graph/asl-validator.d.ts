// The part of asl-validator that is used here; the package brings no types.

declare module "asl-validator" {
  interface Result {
    readonly isValid: boolean;
    readonly errorsText: (separator?: string) => string;
    readonly errors: readonly { readonly "Error code": string; readonly Message: string }[];
  }
  function validate(definition: object): Result;
  export = validate;
}
