"""Lints IAM policies with parliament: a JSON list of documents in, a list of findings for each out."""

import json
import sys

from parliament import analyze_policy_string


def findings(document: str) -> list[list[str]]:
    policy = analyze_policy_string(document)
    return [[finding.issue, json.dumps(finding.detail)] for finding in policy.findings]


json.dump([findings(document) for document in json.load(sys.stdin)], sys.stdout)
