//! The situations about proxies, TLS and packet size.

use super::Situation;

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        id: "F56",
        what: "a proxy is set, and no_proxy lacks AWS's names",
        rules: &[
            "proxy-without-no-proxy",
            "proxy-refuses",
            "proxy-wants-authentication",
            "proxy-unreachable",
        ],
        limit: "where the direct way is no VPC endpoint, a proxy that works is no finding: it may be what is wanted",
    },
    Situation {
        id: "F57",
        what: "no_proxy is read differently by curl, Python and Go",
        rules: &["no-proxy-dialects-disagree", "no-proxy-malformed", "proxy-case-precedence"],
        limit: "other clients (Java, .NET, JavaScript) have rules of their own that are not evaluated",
    },
    Situation {
        id: "F58",
        what: "instance metadata is asked for through a proxy",
        rules: &["metadata-through-proxy"],
        limit: "worked out from the variables: no request is sent that way, since the proxy might answer with its own credentials",
    },
    Situation {
        id: "F59",
        what: "the proxy stands in a service's environment and not in the shell's, or the reverse",
        rules: &["service-proxy-differs"],
        limit: "settings that only root may read, EnvironmentFile= and /proc/PID/environ of other users are not seen",
    },
    Situation {
        id: "F60",
        what: "TLS is intercepted with a private authority",
        rules: &["tls-intercepted", "ca-bundle-wrong", "wrong-server-answers", "certificate-name-mismatch"],
        limit: "in partitions whose authorities are not known to be public, interception cannot be told from private roots",
    },
    Situation {
        id: "F61",
        what: "an outdated trust store lacks Amazon's roots",
        rules: &["trust-store-outdated", "trust-store-missing"],
        limit: "Java's keystore and Python's certifi are not looked at",
    },
    Situation {
        id: "F62",
        what: "ISO and China partitions have other roots",
        rules: &["partition-roots-missing"],
        limit: "which authorities sign in China and in the European Sovereign Cloud is not verified, so the issuer is left to a person",
    },
    Situation {
        id: "F63",
        what: "a TLS version policy",
        rules: &["tls-version-refused"],
        limit: "what other programs of the host are limited to is not seen",
    },
    Situation {
        id: "F64",
        what: "packets of full size get lost (MTU)",
        rules: &["large-packets-lost"],
        limit: "packets up to about 2,000 bytes are tried: a path that loses only jumbo frames is not seen",
    },
    Situation {
        id: "F40",
        what: "a firewall's list of server names (SNI)",
        rules: &["server-name-filtered"],
        limit: "where no other name comes through either, nothing tells a filter from a dead server, and no rule names it",
    },
];
