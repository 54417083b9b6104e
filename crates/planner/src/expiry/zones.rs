//! What a zone abbreviation may stand for.

use jiff::tz::Offset;

/// The offset of `abbreviation` (in lower case) that puts a time of day latest, of all it is known for.
///
/// `CST` is six hours behind UTC in Chicago and eight before it in Shanghai. Nothing tells which was meant, but
/// under the westernmost reading the instant has come for every other reading too.
pub(super) fn westernmost_offset(abbreviation: &str) -> Option<Offset> {
    let minutes = offsets(abbreviation)?.iter().min()?;
    Offset::from_seconds(i32::from(*minutes) * 60).ok()
}

/// Every offset `abbreviation` is known for, in minutes east of UTC.
fn offsets(abbreviation: &str) -> Option<&'static [i16]> {
    let row = ABBREVIATIONS.binary_search_by_key(&abbreviation, |(name, _)| name).ok()?;
    Some(ABBREVIATIONS[row].1)
}

/// The abbreviations, sorted, with their offsets in minutes east of UTC.
///
/// Derived by reading every zone of the tz database at every fifth day of 2005 to 2030, in eleven editions: those
/// within pytz 2007k, 2010o, 2012j, 2013.8, 2014.10, 2015.7, 2016.10, 2018.9, 2020.5 and 2026.6, and Debian's
/// 2025b. Old editions count, for an old host printed what its own said: `EST` in Sydney until 2014, and hundreds of
/// names (`BRT`, `PKT`) that the database has since given up for numbers. Added to that is what GNU `date` itself
/// takes beyond the database: `GST` for Guam, `MEZ`, `MESZ`, `UT`, `Z`, and `SST` for -12. `MEST` has two
/// offsets because Metlakatla's `MeST` differs from it in case only. The single-letter military zones are left out.
const ABBREVIATIONS: &[(&str, &[i16])] = &[
    ("acdt", &[630]),
    ("acst", &[570]),
    ("act", &[-300]),
    ("acwdt", &[585]),
    ("acwst", &[525]),
    ("adt", &[-180, 240]),
    ("aedt", &[660]),
    ("aest", &[600]),
    ("aft", &[270]),
    ("akdt", &[-480]),
    ("akst", &[-540]),
    ("almt", &[360]),
    ("amst", &[-180, 300]),
    ("amt", &[-240, 240]),
    ("anast", &[720, 780]),
    ("anat", &[660, 720]),
    ("aqtt", &[240, 300]),
    ("arst", &[-120]),
    ("art", &[-180]),
    ("ast", &[-240, 180]),
    ("awdt", &[540]),
    ("awst", &[480]),
    ("azost", &[0]),
    ("azot", &[-60]),
    ("azst", &[300]),
    ("azt", &[240]),
    ("bdst", &[420]),
    ("bdt", &[360]),
    ("bnt", &[480]),
    ("bot", &[-240]),
    ("brst", &[-120]),
    ("brt", &[-180]),
    ("bst", &[60, 660]),
    ("btt", &[360]),
    ("cast", &[660]),
    ("cat", &[120]),
    ("cct", &[390]),
    ("cdt", &[-300, -240]),
    ("cest", &[120]),
    ("cet", &[60]),
    ("chadt", &[825]),
    ("chast", &[765]),
    ("chost", &[540, 600]),
    ("chot", &[480, 540]),
    ("chst", &[600]),
    ("chut", &[600]),
    ("cit", &[480]),
    ("ckt", &[-600]),
    ("clst", &[-180]),
    ("clt", &[-240, -180]),
    ("cot", &[-300]),
    ("cst", &[-360, -300, 480, 570, 630]),
    ("cvt", &[-60]),
    ("cwst", &[525, 585]),
    ("cxt", &[420]),
    ("davt", &[300, 420]),
    ("ddut", &[600]),
    ("easst", &[-300]),
    ("east", &[-360, -300]),
    ("eat", &[180]),
    ("ect", &[-300]),
    ("edt", &[-240]),
    ("eest", &[180]),
    ("eet", &[120]),
    ("egst", &[0]),
    ("egt", &[-60]),
    ("eit", &[540]),
    ("est", &[-300, 600, 660]),
    ("fet", &[180]),
    ("fjst", &[780]),
    ("fjt", &[720]),
    ("fkst", &[-180]),
    ("fkt", &[-240]),
    ("fnt", &[-120]),
    ("galt", &[-360]),
    ("gamt", &[-540]),
    ("get", &[180, 240]),
    ("gft", &[-180]),
    ("gilt", &[720]),
    ("gmt", &[0]),
    ("gst", &[-120, 240, 600]),
    ("gyt", &[-240]),
    ("hadt", &[-540]),
    ("hast", &[-600]),
    ("hdt", &[-540]),
    ("hkt", &[480]),
    ("hovst", &[480]),
    ("hovt", &[420]),
    ("hst", &[-600]),
    ("ict", &[420]),
    ("idt", &[180]),
    ("iot", &[360]),
    ("irdt", &[270]),
    ("irkst", &[540]),
    ("irkt", &[480, 540]),
    ("irst", &[210]),
    ("ist", &[60, 120, 330]),
    ("jst", &[540]),
    ("kgst", &[360]),
    ("kgt", &[300, 360]),
    ("kost", &[660]),
    ("krast", &[480]),
    ("krat", &[420, 480]),
    ("kst", &[510, 540]),
    ("lhdt", &[660]),
    ("lhst", &[630, 660]),
    ("lint", &[840]),
    ("lkt", &[360]),
    ("magst", &[720]),
    ("magt", &[600, 660, 720]),
    ("mart", &[-570]),
    ("mawt", &[300, 360]),
    ("mdt", &[-360]),
    ("mest", &[-480, 120]),
    ("mesz", &[120]),
    ("met", &[60]),
    ("mez", &[60]),
    ("mht", &[720]),
    ("mist", &[660]),
    ("mmt", &[390]),
    ("msd", &[240]),
    ("msk", &[180, 240]),
    ("mst", &[-420]),
    ("must", &[300]),
    ("mut", &[240]),
    ("mvt", &[300]),
    ("myt", &[480]),
    ("nct", &[660]),
    ("ndt", &[-150]),
    ("nft", &[660, 690]),
    ("novst", &[420]),
    ("novt", &[360, 420]),
    ("npt", &[345]),
    ("nrt", &[720]),
    ("nst", &[-210]),
    ("nut", &[-660]),
    ("nzdt", &[780]),
    ("nzst", &[720]),
    ("omsst", &[420]),
    ("omst", &[360, 420]),
    ("orat", &[240, 300]),
    ("pdt", &[-420]),
    ("pet", &[-300]),
    ("petst", &[720, 780]),
    ("pett", &[660, 720]),
    ("pgt", &[600]),
    ("phot", &[780]),
    ("pht", &[480]),
    ("pkst", &[360]),
    ("pkt", &[300]),
    ("pmdt", &[-120]),
    ("pmst", &[-180]),
    ("pont", &[660]),
    ("pst", &[-480, 480]),
    ("pwt", &[540]),
    ("pyst", &[-180]),
    ("pyt", &[-240]),
    ("qyzt", &[360]),
    ("ret", &[240]),
    ("rott", &[-180]),
    ("sakst", &[660]),
    ("sakt", &[600, 660]),
    ("samst", &[240, 300]),
    ("samt", &[180, 240]),
    ("sast", &[120]),
    ("sbt", &[660]),
    ("sct", &[240]),
    ("sdt", &[-600]),
    ("sgt", &[480]),
    ("sret", &[660]),
    ("srt", &[-180]),
    ("sst", &[-720, -660]),
    ("syot", &[180]),
    ("taht", &[-600]),
    ("tft", &[300]),
    ("tjt", &[300]),
    ("tkt", &[-660, -600, 780]),
    ("tlt", &[540]),
    ("tmt", &[300]),
    ("tot", &[780]),
    ("trut", &[600]),
    ("tvt", &[720]),
    ("uct", &[0]),
    ("ulast", &[540]),
    ("ulat", &[480]),
    ("ut", &[0]),
    ("utc", &[0]),
    ("uyst", &[-120]),
    ("uyt", &[-180]),
    ("uzt", &[300]),
    ("vet", &[-270, -240]),
    ("vlast", &[660]),
    ("vlat", &[600, 660]),
    ("volst", &[240]),
    ("volt", &[180, 240]),
    ("vost", &[360]),
    ("vut", &[660]),
    ("wakt", &[720]),
    ("warst", &[-180]),
    ("wart", &[-240]),
    ("wast", &[120]),
    ("wat", &[60]),
    ("west", &[60]),
    ("wet", &[0]),
    ("wft", &[720]),
    ("wgst", &[-120]),
    ("wgt", &[-180]),
    ("wib", &[420]),
    ("wit", &[420, 540]),
    ("wita", &[480]),
    ("wsdt", &[-600, 840]),
    ("wsst", &[780]),
    ("wst", &[-660, 480, 540, 780]),
    ("xjt", &[360]),
    ("yakst", &[600]),
    ("yakt", &[540, 600]),
    ("yekst", &[360]),
    ("yekt", &[300, 360]),
    ("z", &[0]),
];

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_the_search_finds_all_of_it() {
        assert!(ABBREVIATIONS.is_sorted_by(|(a, _), (b, _)| a < b));
        assert!(ABBREVIATIONS.iter().all(|(_, offsets)| !offsets.is_empty() && offsets.is_sorted()));
    }

    #[test]
    fn of_several_offsets_the_westernmost_counts() {
        let hours = |name| westernmost_offset(name).map(|offset| offset.seconds() / 3600);
        assert_eq!(hours("utc"), Some(0));
        assert_eq!(hours("cest"), Some(2));
        assert_eq!(hours("cst"), Some(-6));
        assert_eq!(hours("ist"), Some(1));
        assert_eq!(hours("xyz"), None);
        assert_eq!(hours("UTC"), None, "the callers lower the case");
    }

    /// What no machine's tz database holds any more, nobody would miss. So all of it is shown here the other way round, where
    /// a name that lies in the wrong half of the world strikes the eye.
    #[test]
    fn the_abbreviations_of_one_offset_are_those_of_one_part_of_the_world() {
        let mut names: std::collections::BTreeMap<i16, Vec<&str>> = std::collections::BTreeMap::new();
        for (name, offsets) in ABBREVIATIONS {
            offsets.iter().for_each(|offset| names.entry(*offset).or_default().push(name));
        }
        let line = |(offset, names): (&i16, &Vec<&str>)| {
            let sign = if *offset < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02} {}", offset.abs() / 60, offset.abs() % 60, names.join(" "))
        };
        insta::assert_snapshot!(names.iter().map(line).collect::<Vec<_>>().join("\n"), @"
        -12:00 sst
        -11:00 nut sst tkt wst
        -10:00 ckt hast hst sdt taht tkt wsdt
        -09:30 mart
        -09:00 akst gamt hadt hdt
        -08:00 akdt mest pst
        -07:00 mst pdt
        -06:00 cst east galt mdt
        -05:00 act cdt cot cst easst east ect est pet
        -04:30 vet
        -04:00 amt ast bot cdt clt edt fkt gyt pyt vet wart
        -03:30 nst
        -03:00 adt amst art brt clst clt fkst gft pmst pyst rott srt uyt warst wgt
        -02:30 ndt
        -02:00 arst brst fnt gst pmdt uyst wgst
        -01:00 azot cvt egt
        +00:00 azost egst gmt uct ut utc wet z
        +01:00 bst cet ist met mez wat west
        +02:00 cat cest eet ist mest mesz sast wast
        +03:00 ast eat eest fet get idt msk samt syot volt
        +03:30 irst
        +04:00 adt amt aqtt azt get gst msd msk mut orat ret samst samt sct volst volt
        +04:30 aft irdt
        +05:00 amst aqtt azst davt kgt mawt must mvt orat pkt samst tft tjt tmt uzt yekt
        +05:30 ist
        +05:45 npt
        +06:00 almt bdt btt iot kgst kgt lkt mawt novt omst pkst qyzt vost xjt yekst yekt
        +06:30 cct mmt
        +07:00 bdst cxt davt hovt ict krat novst novt omsst omst wib wit
        +08:00 awst bnt chot cit cst hkt hovst irkt krast krat myt pht pst sgt ulat wita wst
        +08:30 kst
        +08:45 acwst cwst
        +09:00 awdt chost chot eit irkst irkt jst kst pwt tlt ulast wit wst yakt
        +09:30 acst cst
        +09:45 acwdt cwst
        +10:00 aest chost chst chut ddut est gst magt pgt sakt trut vlat yakst yakt
        +10:30 acdt cst lhst
        +11:00 aedt anat bst cast est kost lhdt lhst magt mist nct nft pett pont sakst sakt sbt sret vlast vlat vut
        +11:30 nft
        +12:00 anast anat fjt gilt magst magt mht nrt nzst petst pett tvt wakt wft
        +12:45 chast
        +13:00 anast fjst nzdt petst phot tkt tot wsst wst
        +13:45 chadt
        +14:00 lint wsdt
        ");
    }

    /// Holds the table against the tz database of the machine the test runs on, if there is one.
    #[test]
    fn every_abbreviation_of_the_tz_database_is_known_with_its_offset() {
        let start: Timestamp = "2005-01-01T00:00:00Z".parse().unwrap();
        let end: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let mut missing = Vec::new();
        for name in jiff::tz::db().available() {
            let Ok(zone) = jiff::tz::db().get(name.as_str()) else { continue };
            let changes = zone.following(start).map(|change| change.timestamp()).take_while(|instant| *instant < end);
            for instant in std::iter::once(start).chain(changes) {
                let info = zone.to_offset_info(instant);
                let (offset, abbreviation) = (info.offset(), info.abbreviation());
                let minutes = i16::try_from(offset.seconds() / 60).unwrap();
                let numeric = abbreviation.starts_with(['+', '-']);
                if !numeric && !offsets(&abbreviation.to_ascii_lowercase()).is_some_and(|all| all.contains(&minutes)) {
                    missing.push(format!("{name}: {abbreviation} is {offset}"));
                }
            }
        }
        assert!(missing.is_empty(), "add to the table: {missing:#?}");
    }
}
