"""Token formats that prove a secret without any context, from the issuers' public documentation. One RE2 program, linear time.

A format is a fixed prefix (or infix), an alphabet and a length. What a cluster names that way is told apart by `is_token`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import re2

_DNS_LABELS = re.compile(r"[a-z0-9]+(?:[.\-][a-z0-9]+)*")
_LONG_RUN = re.compile(r"[0-9a-z]{32}")  # no word of a name is that long


@dataclass(frozen=True)
class Format:
    """One issuer's shape of token."""

    kind: str
    issuer: str
    pattern: str
    mark: str = ""  # what a text must hold: the fixed words that the pattern starts with, where nothing is given

    @property
    def head(self) -> str:
        """A pattern that is cheap to compile and to run, and matches wherever this format does."""
        return self.mark or r"\b" + self.pattern.partition("[")[0]


FORMATS = (
    Format("aws-key", "AWS access key id", r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z2-7]{16}\b"),
    Format("aws-key", "AWS Bedrock API key", r"ABSK[A-Za-z0-9+/]{100,}=*"),
    Format("aws-key", "AWS Marketplace web service", r"amzn\.mws\.[0-9a-f\-]{36}"),
    Format("gcp-key", "Google API key", r"AIza[A-Za-z0-9_\-]{35}"),
    Format("gcp-key", "Google OAuth access token", r"ya29\.[A-Za-z0-9_\-]{20,}"),
    Format("gcp-key", "Google OAuth refresh token", r"1//0[A-Za-z0-9_\-]{35,}"),
    Format("gcp-key", "Google OAuth client secret", r"GOCSPX-[A-Za-z0-9_\-]{20,}"),
    Format("gcp-key", "Firebase Cloud Messaging", r"[A-Za-z0-9_\-]{6,}:APA91b[A-Za-z0-9_\-]{80,}", r":APA91b"),
    Format("azure-key", "Entra client secret", r"[A-Za-z0-9_~.\-]{3}8Q~[A-Za-z0-9_~.\-]{31,34}", r"8Q~"),
    Format("azure-key", "Azure Storage, Cosmos DB, Batch and IoT keys", r"[A-Za-z0-9+/]{70,}(?:\+ASt|ACDb|\+ABa|AIoT)[A-Za-z0-9+/]{5,6}={0,2}", r"\+ASt|ACDb|\+ABa|AIoT"),
    Format("azure-key", "Azure Service Bus, Event Hubs and Relay keys", r"[A-Za-z0-9+/]{33}(?:\+ASb|\+AEh|\+ARm)[A-Za-z0-9+/]{5,6}={0,2}", r"\+ASb|\+AEh|\+ARm"),
    Format("azure-key", "Azure Functions, Search and registry keys", r"[A-Za-z0-9_+/\-]{36,44}(?:AzFu|AzSe|\+ACR)[A-Za-z0-9_+/\-]{4,7}={0,2}", r"AzFu|AzSe|\+ACR"),
    Format("azure-key", "Azure DevOps", r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}", r"AZDO"),
    Format("github-token", "GitHub", r"gh(?:p|o|u|s|r)_[A-Za-z0-9]{30,255}"),
    Format("github-token", "GitHub fine-grained", r"github_pat_[A-Za-z0-9_]{22,255}"),
    Format("gitlab-token", "GitLab", r"gl(?:pat|rt|dt|ptt|cbt|ft|soat|imt|agent|ffct|oas)-[A-Za-z0-9_\-.]{18,}"),
    Format("gitlab-token", "GitLab runner registration", r"GR1348941[\w\-]{20}"),
    Format("bitbucket-token", "Bitbucket app password", r"ATBB[A-Za-z0-9]{24,}"),
    Format("gitea-token", "Gitea and Forgejo OAuth", r"gt(?:o|a)_[a-z2-7]{52}"),
    Format("slack-token", "Slack", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9\-]{10,}"),
    Format("slack-token", "Slack app level", r"xapp-[0-9]-[A-Za-z0-9\-]{10,}"),
    Format("telegram-token", "Telegram bot", r"\d{8,10}:AA[A-Za-z0-9_\-]{33}", r"\d:AA"),
    Format("huggingface-token", "Hugging Face", r"hf_[A-Za-z0-9]{30,}"),
    Format("huggingface-token", "Hugging Face organisation", r"api_org_[A-Za-z]{30,}"),
    Format("llm-key", "OpenAI, Anthropic, OpenRouter, Langfuse and compatible", r"sk-(?:ant-|proj-|or-|svcacct-|admin-|lf-)?[A-Za-z0-9_\-]{20,}", r"\bsk-[A-Za-z0-9_\-]{20}"),
    Format("llm-key", "NVIDIA", r"nvapi-[A-Za-z0-9_\-]{30,}"),
    Format("llm-key", "Groq", r"gsk_[A-Za-z0-9]{40,}"),
    Format("llm-key", "Replicate", r"r8_[A-Za-z0-9]{30,}"),
    Format("llm-key", "Perplexity", r"pplx-[A-Za-z0-9]{40,}"),
    Format("llm-key", "xAI", r"xai-[A-Za-z0-9]{60,}"),
    Format("llm-key", "LangSmith", r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    Format("llm-key", "Pinecone", r"pcsk_[A-Za-z0-9_]{40,}"),
    Format("llm-key", "Tavily", r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{30,}"),
    Format("llm-key", "Cerebras", r"csk-[a-z0-9]{40,}"),
    Format("stripe-key", "Stripe", r"(?:sk|rk|pk)_(?:live|test|prod)_[A-Za-z0-9]{10,}"),
    Format("stripe-key", "Stripe and Svix webhook signing", r"whsec_[A-Za-z0-9+/=]{16,}"),
    Format("payment-key", "Square", r"sq0[a-z]{3}-[\w\-]{22,}"),
    Format("payment-key", "Square access token", r"EAAA[A-Za-z0-9_\-+=]{56,}", r"EAAA[A-Za-z0-9_]{12}"),
    Format("payment-key", "Flutterwave", r"FLWSECK(?:_TEST)?-[A-Za-z0-9\-]{12,}"),
    Format("payment-key", "EasyPost", r"EZ(?:A|T)K[A-Za-z0-9]{54}"),
    Format("payment-key", "Braintree and PayPal", r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}"),
    Format("payment-key", "Shippo", r"shippo_(?:live|test)_[a-f0-9]{40}", r"shippo_"),
    Format("payment-key", "Duffel", r"duffel_(?:live|test)_[A-Za-z0-9_\-=]{40,}"),
    Format("package-token", "npm", r"npm_[A-Za-z0-9]{36}"),
    Format("package-token", "PyPI", r"pypi-AgE[A-Za-z0-9_\-]{40,}"),
    Format("package-token", "Docker Hub", r"dckr_(?:pat|oat)_[A-Za-z0-9_\-]{20,}"),
    Format("package-token", "RubyGems", r"rubygems_[0-9a-f]{40,}"),
    Format("package-token", "crates.io", r"cio[A-Za-z0-9]{32}\b", r"\bcio[A-Za-z0-9]{32}"),
    Format("package-token", "NuGet", r"oy2[a-z0-9]{43}\b", r"\boy2[a-z0-9]{8}"),
    Format("package-token", "Clojars", r"CLOJARS_[A-Za-z0-9]{60}"),
    Format("package-token", "JFrog Artifactory", r"(?:AKCp[A-Za-z0-9]{64,}|cmVmd[A-Za-z0-9]{55,})", r"\bAKCp|\bcmVmd[A-Za-z0-9]{20}"),
    Format("vault-token", "HashiCorp Vault", r"hv(?:s|b|r)\.[A-Za-z0-9_\-]{20,}"),
    Format("vault-token", "Terraform Cloud", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-]{50,}", r"\.atlasv1\."),
    Format("vault-token", "1Password service account", r"ops_eyJ[A-Za-z0-9+/_\-]{100,}=*"),
    Format("vault-token", "Doppler", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_\-.]{30,}", r"\bdp\.(?:pt|st|ct|sa|scim|audit)\."),
    Format("vault-token", "Infisical", r"st\.[0-9a-f]{24}\.[0-9a-f]{32}\.[0-9a-f]{32}", r"\bst\.[0-9a-f]{8}"),
    Format("cloud-token", "DigitalOcean", r"do(?:o|p|r)_v1_[a-f0-9]{64}"),
    Format("cloud-token", "Databricks", r"dapi[a-f0-9]{32}(?:-\d)?"),
    Format("cloud-token", "Tailscale", r"tskey-[a-z]+-[A-Za-z0-9\-]{16,}"),
    Format("cloud-token", "Heroku", r"HRKU-[A-Za-z0-9_\-]{30,}"),
    Format("cloud-token", "Pulumi", r"pul-[a-f0-9]{40}"),
    Format("cloud-token", "Fly.io", r"(?:fo1_[\w\-]{40,}|FlyV1 [A-Za-z0-9_+/=,\-]{40,}|fm[12][ar]?_[A-Za-z0-9+/=,\-]{60,})", r"\bfo1_|FlyV1|\bfm[12][ar]?_"),
    Format("cloud-token", "Alibaba Cloud", r"LTAI[A-Za-z0-9]{12,24}\b", r"LTAI[A-Za-z0-9]"),
    Format("cloud-token", "Scaleway", r"SCW[A-Z0-9]{17}\b", r"SCW[A-Z0-9]{17}"),
    Format("cloud-token", "Tencent Cloud", r"AKID[A-Za-z0-9]{32}\b", r"AKID[A-Za-z0-9]{8}"),
    Format("cloud-token", "Yandex Cloud", r"(?:t1\.[A-Z0-9a-z_\-]+=?\.[A-Za-z0-9_\-]{86}=*|AQVN[A-Za-z0-9_\-]{35,38}|y0_[A-Za-z0-9_\-]{50,})", r"\b(?:t1\.|AQVN|y0_)[A-Za-z0-9_\-]{12}"),
    Format("cloud-token", "Cloudflare Origin CA", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"),
    Format("cloud-token", "Aiven", r"AVNS_[A-Za-z0-9_\-]{16,}"),
    Format("cloud-token", "Supabase", r"(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_\-]{24,})", r"\bsbp_|\bsb_secret_"),
    Format("cloud-token", "PlanetScale", r"pscale_(?:tkn|oauth|pw)_[A-Za-z0-9=._\-]{32,}"),
    Format("cloud-token", "MongoDB Atlas", r"mdb_sa_sk_[A-Za-z0-9_\-]{24,}"),
    Format("cloud-token", "Scalingo", r"tk-us-[A-Za-z0-9_\-]{48}", r"tk-us-"),
    Format("cluster-token", "OpenShift", r"sha256~[A-Za-z0-9_\-]{43}"),
    Format("cluster-token", "K3s and RKE2 join", r"K10[0-9a-f]{64}::[\w\-]+:[0-9a-f]{16,}", r"K10[0-9a-f]{8}"),
    Format("cluster-token", "Rancher", r"(?:token|kubeconfig)-[a-z0-9.\-]{5,}:[a-z0-9]{54}", r"[a-z0-9]:[a-z0-9]{54}"),
    Format("cluster-token", "Docker Swarm join", r"SWMTKN-1-[a-z0-9]{50}-[a-z0-9]{25}"),
    Format("monitoring-token", "Grafana", r"gl(?:sa|c)_[A-Za-z0-9+/=_]{30,}"),
    Format("monitoring-token", "New Relic", r"NR(?:AK|II|RA|JS)-[A-Za-z0-9_\-]{19,}"),
    Format("monitoring-token", "Dynatrace", r"dt0[a-z]\d\d\.[A-Z2-7]{8,24}\.[A-Z2-7]{64}", r"\bdt0[a-z]\d\d\."),
    Format("monitoring-token", "Sentry", r"sntry(?:s|u)_[\w+/=\-]{40,}"),
    Format("monitoring-token", "PostHog", r"ph(?:c|x)_[A-Za-z0-9]{40,}"),
    Format("monitoring-token", "Honeycomb", r"hc(?:a|x|b|c)ik_[A-Za-z0-9]{40,}"),
    Format("monitoring-token", "SonarQube", r"sq(?:p|u|a)_[a-f0-9]{40}"),
    Format("monitoring-token", "Sourcegraph", r"(?:sgp_(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}|slk_[a-f0-9]{64})", r"\bsgp_|\bslk_[a-f0-9]"),
    Format("monitoring-token", "Elastic Cloud", r"essu_[A-Za-z0-9+/=_\-]{40,}"),
    Format("ci-token", "Buildkite", r"bk(?:ua|ct|aj)_[a-zA-Z0-9]{20,}"),
    Format("ci-token", "CircleCI", r"CCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[a-fA-F0-9]{40}"),
    Format("ci-token", "Prefect", r"pn(?:u|b)_[A-Za-z0-9]{36}"),
    Format("ci-token", "Octopus Deploy", r"API-[A-Z0-9]{25,32}\b", r"API-[A-Z0-9]{8}"),
    Format("ci-token", "Harness", r"(?:pat|sat)\.[A-Za-z0-9_\-]{22}\.[a-f0-9]{24}\.[A-Za-z0-9]{20}", r"\b[ps]at\.[A-Za-z0-9_\-]{22}\."),
    Format("ci-token", "Infracost", r"ico-[A-Za-z0-9]{32}\b"),
    Format("mail-key", "SendGrid", r"SG\.[\w\-]{16,}\.[\w\-]{30,}"),
    Format("mail-key", "Mailgun", r"key-[0-9a-f]{32}\b", r"\bkey-[0-9a-f]{8}"),
    Format("mail-key", "Brevo", r"x(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    Format("mail-key", "Mailchimp", r"[0-9a-f]{32}-us\d{1,2}\b", r"[0-9a-f]{8}-us\d"),
    Format("mail-key", "Twilio", r"SK[0-9a-f]{32}\b", r"\bSK[0-9a-f]{8}"),
    Format("mail-key", "Resend", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}", r"\bre_[A-Za-z0-9]{8}_"),
    Format("service-token", "Shopify", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    Format("service-token", "Linear", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    Format("service-token", "Atlassian", r"AT(?:ATT|CTT)3[A-Za-z0-9_\-=]{40,}"),
    Format("service-token", "Postman", r"PMAK-[a-f0-9\-]{50,}"),
    Format("service-token", "Notion", r"(?:secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,})", r"\bsecret_[A-Za-z0-9]{20}|\bntn_"),
    Format("service-token", "Airtable", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}", r"\bpat[A-Za-z0-9]{14}\."),
    Format("service-token", "Figma", r"fig(?:d|o|or|u|ur)_[A-Za-z0-9_\-]{40,}"),
    Format("service-token", "Contentful", r"CFPAT-[A-Za-z0-9_\-]{43}"),
    Format("service-token", "Typeform", r"tfp_[A-Za-z0-9_\-.=]{44,}"),
    Format("service-token", "ReadMe", r"rdme_[a-z0-9]{70}"),
    Format("service-token", "Frame.io", r"fio-u-[A-Za-z0-9_\-=]{64}"),
    Format("service-token", "Adafruit IO", r"aio_[A-Za-z0-9]{28}\b"),
    Format("service-token", "Facebook", r"EAA[A-Za-z0-9]{60,}", r"EAA[A-Za-z0-9]{12}"),
    Format("service-token", "Mapbox", r"sk\.eyJ[A-Za-z0-9_\-]{40,}\.[A-Za-z0-9_\-]{20,}"),
    Format("service-token", "MaxMind", r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk", r"_mmk"),
    Format("age-key", "age", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}"),
    Format("age-key", "age post-quantum", r"AGE-SECRET-KEY-PQ-1[0-9A-Z]{50,}"),
)  # fmt: skip

HEADS = "|".join(sorted({each.head for each in FORMATS}))
PATTERN = r"\b(?P<v>" + "|".join(each.pattern for each in FORMATS) + ")"


def is_token(value: str) -> bool:
    """Whether what fits a format can be no name in a cluster, which is lower-case words: `sk-controller-manager-5d4f8c7b9d` is one."""
    return not _DNS_LABELS.fullmatch(value) or _LONG_RUN.search(value) is not None


def kind_of_token(value: str) -> str:
    """The kind of a value that `PATTERN` has matched."""
    for each, program in _programs():
        if program.fullmatch(value):
            return each.kind
    return "token"


@cache
def _programs() -> tuple[tuple[Format, Any], ...]:
    """Each format by itself: needed only for a secret that was found."""
    return tuple((each, re2.compile(each.pattern)) for each in FORMATS)
