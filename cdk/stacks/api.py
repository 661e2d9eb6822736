"""Api stack: the HTTP API in front of ``dashboard_api`` and its session authoriser.

Three routes are open because they come before a session exists: the health check, logging
in, and asking whether one is logged in. Everything else passes the authoriser.
"""

from __future__ import annotations

import json
from typing import Any, Final

import aws_cdk as core
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.stacks.functions import FunctionsStack
from cdk.stages import Stage
from shared.contracts import names

API_ID_OUTPUT: Final = "ApiId"
OPEN_ROUTES: Final = (
    ("/api/v1/health", (apigw.HttpMethod.GET,)),
    ("/api/v1/session", (apigw.HttpMethod.GET, apigw.HttpMethod.POST)),
)

# Never the query or a header: a session cookie must not reach a log.
_ACCESS_LOG: Final = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "latency_ms": "$context.responseLatency",
    "error": "$context.error.message",
}


class ApiStack(core.Stack):
    """HTTP API with a REQUEST authoriser over the session cookie."""

    def __init__(
        self, scope: Construct, stage: Stage, functions: FunctionsStack, **kwargs: Any
    ) -> None:
        super().__init__(scope, names.stack(stage.name, "api"), **kwargs)
        integration = integrations.HttpLambdaIntegration(
            "Dashboard", functions.dashboard_api.function
        )
        authorizer = authorizers.HttpLambdaAuthorizer(
            "Session",
            functions.authorise_session.function,
            response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
            identity_source=["$request.header.Cookie"],
            # A revoked session must die soon; the poll of one second shares one answer.
            results_cache_ttl=core.Duration.seconds(5),
        )
        self.api = apigw.HttpApi(
            self,
            "Api",
            api_name=names.api(stage.name),
            description="Twinleg dashboard API, version 1",
            create_default_stage=False,
        )
        self.api.add_routes(
            path="/api/{proxy+}",
            methods=[
                apigw.HttpMethod.GET,
                apigw.HttpMethod.POST,
                apigw.HttpMethod.PUT,
                apigw.HttpMethod.DELETE,
            ],
            integration=integration,
            authorizer=authorizer,
        )
        for path, methods in OPEN_ROUTES:
            self.api.add_routes(path=path, methods=list(methods), integration=integration)
        access_log = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/apigateway/{names.api(stage.name)}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=core.RemovalPolicy.DESTROY,
        )
        default = apigw.HttpStage(
            self,
            "Default",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigw.ThrottleSettings(
                rate_limit=stage.api_rate, burst_limit=stage.api_rate * 2
            ),
        )
        resource = default.node.default_child
        assert isinstance(resource, apigw.CfnStage)
        resource.access_log_settings = apigw.CfnStage.AccessLogSettingsProperty(
            destination_arn=access_log.log_group_arn, format=json.dumps(_ACCESS_LOG)
        )
        core.CfnOutput(self, API_ID_OUTPUT, value=self.api.api_id)
