//! Wildcards and policy variables, the text matching of policy documents.
//!
//! `*` stands for any text and `?` for one character. `${key}` takes a value from the request; `${*}`, `${?}` and `${$}` stand
//! for the characters themselves, which is why a variable's value must not act as a wildcard.

use super::super::context::Context;

/// A character that cannot stand in a policy, put in front of wildcards that mean themselves.
const ESCAPE: char = '\u{0}';

/// Whether a text matches a pattern with `*` and `?`; case counts.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern = tokens(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut position) = (0, 0);
    // The last `*` and how much of the text it covers: on a mismatch it takes one character more.
    let mut star: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some(Token::Any) => {
                star = Some((at, position));
                at += 1;
            }
            Some(Token::One) => {
                at += 1;
                position += 1;
            }
            Some(Token::Plain(character)) if *character == text[position] => {
                at += 1;
                position += 1;
            }
            _ => match star {
                Some((star_at, covered)) => {
                    star = Some((star_at, covered + 1));
                    at = star_at + 1;
                    position = covered + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|token| *token == Token::Any)
}

/// Puts the request's values in place of `${…}`; `None` when a key has no value, since then the whole element cannot match.
pub(crate) fn substitute(pattern: &str, context: &Context) -> Option<String> {
    let mut result = String::new();
    let mut rest = pattern;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        result.push_str(&rest[..start]);
        let (key, default) = match rest[start + 2..start + length].split_once(',') {
            Some((key, default)) => (key.trim(), Some(default.trim().trim_matches('\''))),
            None => (rest[start + 2..start + length].trim(), None),
        };
        match key {
            "*" | "?" | "$" => push_literal(&mut result, key),
            _ => match (context.values(key), default) {
                (Some([value]), _) => push_literal(&mut result, value),
                (_, Some(default)) => push_literal(&mut result, default),
                _ => return None,
            },
        }
        rest = &rest[start + length + 1..];
    }
    result.push_str(rest);
    Some(result)
}

/// A substituted text without the marks that [`substitute`] leaves for [`matches`].
pub(crate) fn literal(text: &str) -> String {
    text.replace(ESCAPE, "")
}

#[derive(PartialEq)]
enum Token {
    Any,
    One,
    Plain(char),
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut characters = pattern.chars();
    let mut tokens = Vec::new();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            ESCAPE => match characters.next() {
                Some(escaped) => Token::Plain(escaped),
                None => break,
            },
            '*' => Token::Any,
            '?' => Token::One,
            plain => Token::Plain(plain),
        });
    }
    tokens
}

fn push_literal(result: &mut String, value: &str) {
    for character in value.chars() {
        if matches!(character, '*' | '?') {
            result.push(ESCAPE);
        }
        result.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_in_policies() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("s3:Get*", "s3:GetObject", true),
            ("s3:Get*", "s3:PutObject", false),
            ("arn:aws:s3:::*/x?z", "arn:aws:s3:::bucket/a/xyz", true),
            ("arn:aws:s3:::*/x?z", "arn:aws:s3:::bucket/xz", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} against {text}");
        }
    }

    #[test]
    fn a_variable_is_replaced_and_its_value_is_no_wildcard() {
        let mut context = Context::new("s3:GetObject", "arn:aws:s3:::b/k");
        context.set("aws:PrincipalAccount", "123456789012");
        context.set("aws:userid", "A*");
        let filled = |pattern| substitute(pattern, &context);
        assert_eq!(filled("x/${aws:principalaccount}/*").as_deref(), Some("x/123456789012/*"));
        assert_eq!(filled("${aws:missing}"), None);
        assert_eq!(filled("${aws:missing, 'nobody'}").as_deref(), Some("nobody"));
        assert!(matches(&filled("${aws:userid}").unwrap(), "A*"));
        assert!(!matches(&filled("${aws:userid}").unwrap(), "AB"));
        assert!(!matches(&filled("${*}").unwrap(), "anything"));
    }
}
