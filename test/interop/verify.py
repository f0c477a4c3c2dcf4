"""Judges chains with the verifier that the argument names, pyhanko-certvalidator or checkdmarc: a list of questions on
standard input, for each a list of problems on standard output (verifiers.ts). Nothing is fetched: the roots and the moment
are those of each question."""

import asyncio
import base64
import json
import sys
import textwrap
from datetime import datetime, timezone

import checkdmarc.bimi as bimi
from asn1crypto import x509
from cryptography.x509 import load_der_x509_certificate
from cryptography.x509.verification import PolicyBuilder, Store
from pyhanko_certvalidator import CertificateValidator, ValidationContext

BIMI_USAGE = "1.3.6.1.5.5.7.3.31"


def ask_pyhanko(chain, roots, at, _domain):
    leaf, *issuers = [x509.Certificate.load(der) for der in chain]
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(der) for der in roots],
        moment=at,
        allow_fetching=False,
        # The questions contain no CRL.
        revocation_mode="soft-fail",
    )
    validator = CertificateValidator(leaf, issuers, validation_context=context)
    try:
        # A mark certificate has no key usage.
        asyncio.run(validator.async_validate_usage(set(), {BIMI_USAGE}))
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    return []


def ask_checkdmarc(chain, roots, at, domain):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return at.astimezone(tz)

    # What checkdmarc uses (bimi.py), with the roots and the moment of the question.
    bimi.datetime = Clock
    bimi._verifier = (
        PolicyBuilder()
        .store(Store([load_der_x509_certificate(der) for der in roots]))
        .time(at)
        .extension_policies(ee_policy=bimi._ee_policy, ca_policy=bimi._ca_policy)
        .max_chain_depth(5)
        .build_client_verifier()
    )
    try:
        metadata = bimi.get_certificate_metadata(b"".join(map(pem, chain)), domain=domain)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    if metadata["valid"]:
        return []
    return metadata["validation_errors"] or ["the metadata has valid: False"]


def pem(der):
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]).encode()


VERIFIERS = {"pyhanko-certvalidator": ask_pyhanko, "checkdmarc": ask_checkdmarc}


def answer(question):
    chain = [base64.b64decode(each) for each in question["chain"]]
    roots = [base64.b64decode(each) for each in question["roots"]]
    at = datetime.fromtimestamp(question["at"], timezone.utc)
    return VERIFIERS[sys.argv[1]](chain, roots, at, question["domain"])


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
