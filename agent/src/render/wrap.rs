//! Text in lines of a terminal's width, without a dependency on colour.

/// The width that every text output keeps to.
pub(super) const WIDTH: usize = 80;

/// The text in lines of at most [`WIDTH`] columns, each behind `indent` blanks; a word that is longer stands by itself.
pub(super) fn wrapped(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    wrapped_to(text, WIDTH - indent).iter().map(|line| format!("{margin}{line}\n")).collect()
}

/// The text in lines of at most so many columns; a word that is longer stands by itself.
pub(super) fn wrapped_to(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let needed = line.chars().count() + usize::from(!line.is_empty()) + word.chars().count();
        if !line.is_empty() && needed > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The text without control characters: what a peer sent must not move a terminal's cursor.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_to_the_width_and_lose_no_word() {
        let text = "a somewhat longer sentence that has to be put on more than one line because it is long";
        let wrapped = wrapped(text, 4);
        assert!(wrapped.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(
            wrapped.split_whitespace().collect::<Vec<_>>(),
            text.split_whitespace().collect::<Vec<_>>()
        );
    }
}
