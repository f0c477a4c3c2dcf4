import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Acknowledges a finding of a checker such as cdk-nag: gives the reason why it is accepted.
 *
 * The oldest aws-cdk-lib that the package accepts has no Validations. Its checkers have other lists of exceptions, which
 * belong to the app.
 */
export function acknowledge(construct: IConstruct, id: string, reason: string): void {
  (Validations as typeof Validations | undefined)?.of(construct).acknowledge({ id, reason });
}

/**
 * Acknowledges a cdk-nag finding: gives the reason why a resource in a role's policy contains a wildcard. cdk-nag
 * writes a reference as `<LogicalId.Arn>`, so the ARN is converted to this form.
 *
 * @throws {Error} if the ARN contains an intrinsic function other than Ref, Fn::GetAtt and Fn::Join.
 */
export function acknowledgeWildcard(role: IConstruct, arn: string, reason: string): void {
  const resource = nagForm(Stack.of(role).resolve(arn));
  acknowledge(role, `AwsSolutions-IAM5[Resource::${resource}]`, reason);
}

function nagForm(value: unknown): string {
  if (typeof value !== 'object' || value === null) {
    return String(value);
  }
  const [[intrinsic, argument] = []] = Object.entries(value);
  switch (intrinsic) {
    case 'Ref':
      return `<${argument}>`;
    case 'Fn::GetAtt':
      return `<${argument.join('.')}>`;
    case 'Fn::Join':
      return argument[1].map(nagForm).join(argument[0]);
    default:
      throw new Error(`The ARN of a resource cannot contain ${intrinsic}`);
  }
}
