//! What EC2 writes on the snapshots of a copied image.

use jiff::Timestamp;

use crate::id::{ImageId, SnapshotId};

/// The description of the copy of a snapshot, as it has been seen on EC2 (ec2-semantics 2.4).
pub(crate) fn description(copy: &ImageId, source: &ImageId, original: &SnapshotId, at: Timestamp) -> String {
    format!(
        "Copied for DestinationAmi {copy} from SourceAmi {source} for SourceSnapshot {original}. Task created on {}.",
        with_thousands(at.as_millisecond())
    )
}

/// `1,587,635,416,745`
fn with_thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::with_thousands;

    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!(with_thousands(1_587_635_416_745), "1,587,635,416,745");
        assert_eq!(with_thousands(12), "12");
        assert_eq!(with_thousands(123), "123");
    }
}
