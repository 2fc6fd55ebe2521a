//! The user and password that a proxy variable carries, kept apart from everything that is told.

use std::collections::BTreeMap;
use std::fmt;

use aws_smithy_types::base64;
use http::HeaderValue;
use percent_encoding::percent_decode_str;

/// What proxies are shown of the users and passwords in this process's variables, by the variable's name.
///
/// They are not written anywhere: this type cannot be serialised and its debug text is empty of them.
#[derive(Clone, Default)]
pub struct ProxyAuthorizations(BTreeMap<String, HeaderValue>);

impl ProxyAuthorizations {
    /// The `Proxy-Authorization` for the proxy that a variable names; `None` where its value has no user.
    pub(crate) fn of(&self, variable: &str) -> Option<HeaderValue> {
        self.0.get(variable).cloned()
    }

    /// Keeps the `user:password` of a variable, percent-encoded as in every URL.
    pub(crate) fn keep(&mut self, variable: &str, user_and_password: &str) {
        let (user, password) = user_and_password.split_once(':').unwrap_or((user_and_password, ""));
        let mut plain: Vec<u8> = percent_decode_str(user).collect();
        plain.push(b':');
        plain.extend(percent_decode_str(password));
        // Base64 is made of characters that every header may hold.
        if let Ok(mut value) = HeaderValue::try_from(format!("Basic {}", base64::encode(plain))) {
            value.set_sensitive(true);
            self.0.insert(variable.to_owned(), value);
        }
    }
}

impl fmt::Debug for ProxyAuthorizations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProxyAuthorizations(..)")
    }
}
