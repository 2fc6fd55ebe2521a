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
];
