"""Describes leaves with pyca/cryptography, and their logos with checkdmarc: a list of certificates on standard input (base64
of DER), a list of descriptions on standard output (fields.test.ts)."""

import base64
import hashlib
import json
import sys

from checkdmarc.bimi import extract_logo_from_certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes


def date(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def describe(der):
    certificate = x509.load_der_x509_certificate(der)

    def extension(kind):
        try:
            return certificate.extensions.get_extension_for_class(kind).value
        except x509.ExtensionNotFound:
            return []

    names = extension(x509.SubjectAlternativeName)
    logo = extract_logo_from_certificate(certificate)
    return {
        "subject": [[each.oid.dotted_string, each.value] for each in certificate.subject],
        "serialNumber": f"{certificate.serial_number:x}",
        "notBefore": date(certificate.not_valid_before_utc),
        "notAfter": date(certificate.not_valid_after_utc),
        "fingerprintSha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "domains": names.get_values_for_type(x509.DNSName) if names else [],
        "policies": [each.policy_identifier.dotted_string for each in extension(x509.CertificatePolicies)],
        "crlUrls": [
            name.value
            for point in extension(x509.CRLDistributionPoints)
            for name in point.full_name or []
            if isinstance(name, x509.UniformResourceIdentifier)
        ],
        "logoSha256": hashlib.sha256(logo).hexdigest() if logo else None,
    }


json.dump([describe(base64.b64decode(each)) for each in json.load(sys.stdin)], sys.stdout)
