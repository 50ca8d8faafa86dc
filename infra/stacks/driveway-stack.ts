import type { StackProps } from 'aws-cdk-lib'
import { Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { DeploymentProps } from '../constructs/deployment.ts'
import { Deployment } from '../constructs/deployment.ts'

/** One deployment in a stack of its own, as this repository deploys it. */
export class DrivewayStack extends Stack {
  constructor(scope: Construct, id: string, props: DeploymentProps & StackProps) {
    super(scope, id, { terminationProtection: props.settings.retain, ...props })
    // CDK leaves `Default` out of paths, so that logical ids are those of the stack's own children.
    new Deployment(this, 'Default', props)
  }
}
