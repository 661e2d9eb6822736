from tests.support.embedded_aws import *  # noqa: F403
