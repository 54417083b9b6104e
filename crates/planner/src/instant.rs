//! Instants as texts.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Reads an instant in RFC 3339.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    as_we_write(text).or_else(|| text.parse().ok())
}

/// Reads an instant as this program writes it, `2026-12-01T02:00:00Z`. Most are, and there are hundreds of thousands of them in a large
/// account: a grammar takes ten times as long.
pub(crate) fn as_we_write(text: &str) -> Option<Timestamp> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'Z'] = *text.as_bytes() else {
        return None;
    };
    let two = |[tens, ones]: [u8; 2]| {
        let are_digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        are_digits.then(|| (tens - b'0').cast_signed() * 10 + (ones - b'0').cast_signed())
    };
    let year = i16::from(two([y1, y2])?) * 100 + i16::from(two([y3, y4])?);
    let (month, day) = (two([m1, m2])?, two([d1, d2])?);
    let local = DateTime::new(year, month, day, two([h1, h2])?, two([n1, n2])?, two([s1, s2])?, 0);
    Offset::UTC.to_timestamp(local.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_otherwise_is_read_by_the_grammar() {
        for (text, same) in [
            ("2026-12-01T02:00:60Z", "2026-12-01T02:00:59Z"),
            ("2026-12-01t02:00:00z", "2026-12-01T02:00:00Z"),
            ("2026-12-01T03:00:00+01:00", "2026-12-01T02:00:00Z"),
        ] {
            assert_eq!((as_we_write(text), read(text)), (None, as_we_write(same)), "{text}");
        }
        for wrong in ["", "2026-12-01", "2026-02-30T02:00:00Z", "2026-12-01T24:00:00Z", "+026-12-01T02:00:00Z", "9999-12-31T23:59:59Z"] {
            assert_eq!((as_we_write(wrong), read(wrong)), (None, None), "{wrong}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_again(second in -62_167_219_200..253_402_207_200_i64) {
            let instant = Timestamp::from_second(second).unwrap();
            prop_assert_eq!(as_we_write(&instant.to_string()), Some(instant));
        }

        #[test]
        fn the_grammar_reads_the_same(text in "[0-9]{4}-[0-9]{2}-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z|[-0-9T:Z+ ]{20}") {
            if let Some(instant) = as_we_write(&text) {
                prop_assert_eq!(Some(instant), text.parse().ok());
            }
        }
    }
}
