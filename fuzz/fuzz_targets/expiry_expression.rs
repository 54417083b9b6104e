//! What is typed behind `-e`: whatever is taken has one meaning, lies ahead, and can be written on EC2.
#![no_main]

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use libfuzzer_sys::fuzz_target;
use planner::expiry::{Expiry, ExpressionError, understand};

/// Where it is asked.
const ZONES: [&str; 7] = [
    "UTC0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "EST5EDT,M3.2.0,M11.1.0",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "<+14>-14",
    "<-12>12",
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
];
/// When it is asked, in seconds since 1970: an afternoon, the ends of a January and of a leap year's February, and in Paris the hours
/// before and after the clocks are changed.
const NOWS: [i64; 6] = [1_795_343_696, 1_801_438_200, 1_835_438_400, 1_774_141_200, 1_792_281_600, 1_792_891_799];

fuzz_target!(|input: (u8, &str)| {
    let (place, text) = input;
    let place = usize::from(place);
    let (Some(zone), Some(second)) = (ZONES.get(place % 8), NOWS.get(place / 8 % 8)) else { return };
    let Ok(now) = asked(*second, zone) else { panic!("{zone} at {second}") };

    let understood = understand(text, &now);
    match (Expiry::from_expression(text, &now), &understood) {
        (Ok(expiry), Ok(instant)) => {
            assert_eq!(expiry, Expiry::at(*instant));
            assert!(*instant > now.timestamp() && expiry.instant() >= *instant, "{text:?} is {expiry}");
            assert_eq!(Expiry::from_tag(&expiry.to_string()), Ok(expiry), "what is written on EC2 says the same");
        }
        (Err(ExpressionError::Past { instant, .. }), Ok(understood)) => {
            assert_eq!(instant, *understood);
            assert!(instant <= now.timestamp());
        }
        (Err(why), Err(also)) => {
            assert_eq!(why, *also);
            let message = why.to_string();
            assert!(!message.chars().any(char::is_control) && message.chars().count() < 600, "{message:?}");
        }
        (expiry, understood) => panic!("{text:?}: {expiry:?} and {understood:?}"),
    }

    let Ok(instant) = understood else { return };
    if let Ok(shouted) = understand(&text.to_ascii_uppercase(), &now) {
        assert_eq!(shouted, instant, "{text:?}");
    }
    if let Ok(wide) = understand(&text.replace(' ', "  "), &now) {
        assert_eq!(wide, instant, "{text:?}");
    }
    if only_steps_ahead(text) {
        assert!(instant >= now.timestamp(), "{text:?} leads back, to {instant}");
    }
    if text.starts_with('@') {
        assert_eq!(text[1..].trim().parse().ok(), Some(instant.as_second()), "{text:?}");
    }
    // An instant written in full is that instant, to a reader that is not ours.
    if let Ok(written) = text.parse::<Timestamp>() {
        assert_eq!(written, instant, "{text:?}");
    }
});

fn asked(second: i64, zone: &str) -> Result<Zoned, jiff::Error> {
    Ok(Timestamp::from_second(second)?.to_zoned(TimeZone::posix(zone)?))
}

/// Whether nothing is written but steps, and none of them back.
fn only_steps_ahead(text: &str) -> bool {
    const WORDS: [&str; 17] = [
        "tomorrow",
        "today",
        "now",
        "hence",
        "this",
        "next",
        "first",
        "third",
        "year",
        "month",
        "fortnight",
        "week",
        "day",
        "hour",
        "minute",
        "min",
        "sec",
    ];
    let is_step = |word: &str| {
        let word = word.to_ascii_lowercase();
        WORDS.contains(&word.strip_suffix('s').unwrap_or(&word)) || WORDS.contains(&&word[..])
    };
    let is_number = |word: &str| word.bytes().all(|b| b.is_ascii_digit()) && word.len() != 8;
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'+'));
    plain && text.split([' ', '+']).filter(|word| !word.is_empty()).all(|word| is_step(word) || is_number(word))
}
