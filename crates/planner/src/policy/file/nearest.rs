//! What somebody who mistyped a word may have meant.

/// The known word nearest to `word`, if it is near enough to be meant.
pub(in crate::policy) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(50).collect();
    let near = known.iter().map(|known| (distance(&word, &known.chars().collect::<Vec<_>>()), *known));
    let (distance, known) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1.max(word.len() / 3)).then_some(known)
}

/// How many characters have to be put in, left out, replaced or swapped with their neighbour to make one word of the other.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let known = ["schedule", "every", "keep-daily", "keep-hourly", "use"];
        for (word, meant) in [
            ("keep-dayly", Some("keep-daily")),
            ("keepdayly", Some("keep-daily")),
            ("keep_hourly", Some("keep-hourly")),
            ("keephourly", Some("keep-hourly")),
            ("shcedule", Some("schedule")),
            ("uses", Some("use")),
            ("evrey", Some("every")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000), &known), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn a_swap_is_one_slip() {
        let of = |one: &str, other: &str| distance(&one.chars().collect::<Vec<_>>(), &other.chars().collect::<Vec<_>>());
        assert_eq!((of("ab", "ba"), of("", "abc"), of("abc", ""), of("kitten", "sitting")), (1, 3, 3, 3));
    }
}
