//! What a demo simulates and what is real, in words for the report.

use super::calendar::hours;

/// (name, explanation).
pub(crate) fn explain(steps_per_day: u32) -> Vec<(&'static str, String)> {
    let hours = hours(steps_per_day);
    vec![
        (
            "Real",
            "One server with its SQLite database and its three listeners; every call goes over a loopback socket. \
             Phones are the reference phone: they verify, match and decide by themselves. Officers sign in with \
             credentials; codes, blind tokens, signatures and batch files are the product's own."
                .into(),
        ),
        (
            "Simulated",
            "The clock, the people and the radio. Nobody infects anybody: cases are drawn among people whose \
             phone heard somebody."
                .into(),
        ),
        (
            "Steps",
            format!(
                "Who is near whom is known for every five minutes. A day begins at 07:00 in Vietnam (midnight UTC) and \
                 has {steps_per_day} steps ({hours}). Days that people count by begin at midnight in Vietnam."
            ),
        ),
        (
            "Radio",
            "Path loss without noise: -86 dBm at 2 m, 20 dB for each factor of ten, heard down to -100 dBm (10\u{a0}m). So \
             a signal of -86 dBm or more, which Bluezone's white paper calls near, means 2 m or less. One sighting \
             stands for five minutes."
                .into(),
        ),
        (
            "Scans",
            "The phone of every second person scans only in every other step, so that it hears less often than it is \
             heard. Where it would then miss everybody near for a quarter of an hour, and hear nobody in the \
             quarters beside it, it scans every step, since a phone does not disclose long silences. All other phones \
             scan every step."
                .into(),
        ),
        (
            "Cases",
            "Tested on the evening of a day, first symptoms 0 to 3 days before. An officer issues a code; it covers \
             the days from 2 days before the first symptoms to the day of redemption. The phone redeems it and \
             uploads at once, and goes on with a fresh identity that is never disclosed. The batch of the evening \
             closes a few minutes later, when no phone can still be recording the day's last slot."
                .into(),
        ),
        (
            "Who is told",
            "Whoever spent 15 minutes or more of one day in Vietnam within 2 m of cases, counting the steps in which \
             their own phone scanned; several cases at once count once."
                .into(),
        ),
        (
            "Right",
            "The truth is computed from the contacts and scans alone, without IDs, tags or signals. Every phone must \
             tell the same people, the same days and the same minutes, in the evenings and when all is over, and must \
             have applied every batch that the server's index lists."
                .into(),
        ),
    ]
}
