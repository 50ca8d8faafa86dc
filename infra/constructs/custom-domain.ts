import { CfnBasePathMapping, DomainName, EndpointType, SecurityPolicy } from 'aws-cdk-lib/aws-apigateway'
import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import { AaaaRecord, ARecord, HostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53'
import { ApiGatewayDomain } from 'aws-cdk-lib/aws-route53-targets'
import { CfnOutput } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Settings } from '../settings.ts'

/** The API under its own domain name, TLS 1.2 and newer, with its DNS record when the zone is known. */
export class CustomDomain extends Construct {
  constructor(scope: Construct, id: string, rest: RestApi, settings: Settings) {
    super(scope, id)
    const { domainName, certificateArn, hostedZoneId, hostedZoneName } = settings
    if (domainName === undefined || certificateArn === undefined) return
    const domain = new DomainName(this, 'Name', {
      domainName,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      endpointType: EndpointType.REGIONAL,
      securityPolicy: SecurityPolicy.TLS_1_2,
    })
    new CfnBasePathMapping(this, 'Mapping', {
      domainName: domain.domainName,
      restApiId: rest.restApiId,
      stage: rest.deploymentStage.stageName,
    })
    if (hostedZoneId === undefined || hostedZoneName === undefined) {
      new CfnOutput(this, 'PointDomainAt', {
        value: domain.domainNameAliasDomainName,
        description: `Make ${domainName} a CNAME of this.`,
      })
      return
    }
    const zone = HostedZone.fromHostedZoneAttributes(this, 'Zone', { hostedZoneId, zoneName: hostedZoneName })
    const target = RecordTarget.fromAlias(new ApiGatewayDomain(domain))
    new ARecord(this, 'Record', { zone, recordName: domainName, target })
    new AaaaRecord(this, 'RecordV6', { zone, recordName: domainName, target })
  }
}
