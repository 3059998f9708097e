## Frame

skip-link = Skip to main content
nav-label = Parts of the portal
nav-home = Issue a code
nav-code = Find a code
nav-bulk = Bulk issue
nav-figures = Figures
nav-reports = Reports
nav-officers = Officers
nav-units = Units
nav-audit = Audit log
nav-account = My account
nav-help = Help
sign-out = Sign out
footer-privacy = This portal neither asks for nor keeps a patient’s name, telephone number or address.
role-officer = Officer
role-supervisor = Supervisor
role-administrator = Administrator
role-auditor = Auditor
weekday-monday = Monday
weekday-tuesday = Tuesday
weekday-wednesday = Wednesday
weekday-thursday = Thursday
weekday-friday = Friday
weekday-saturday = Saturday
weekday-sunday = Sunday
copy = Copy
copied = Copied.
print-by-keys = To print, press Ctrl and P.
or = or
today = Today
yesterday = Yesterday

## Notices

alert-quota-near = Today’s codes are running out
alert-quota-near-body = { $used } of { $limit } codes are issued. If you will need more, tell your unit’s administrator now.
alert-quota-used-up = Today’s codes are used up
alert-quota-used-up-body = All { $limit } codes of today are issued. Ask your unit’s administrator for a higher limit.
alert-daily-report = The daily report is due by 15:00
alert-weekly-report = The weekly report is due today, Tuesday
alert-report-link = See and send the report
alert-guess-brake = Many wrong codes are being tried
alert-guess-brake-body = Entering codes is slowed down to stop guessing. A patient with a right code may have to try again in a few minutes. Issuing codes is not affected.
done-revoked = The code is revoked. Nobody can use it any more.
done-report-sent = The report is sent.
done-deactivated = The account is closed. Its codes that nobody had used are worth nothing now.
done-key-revoked = The client key is revoked.
done-sessions-ended = Signed out elsewhere.
done-passkey-added = The passkey is added.
done-passkey-removed = The passkey is removed.
done-totp-changed = The authenticator app is changed.
done-password-changed = The password is changed.
done-signed-out = You are signed out.
done-welcome = Your account is ready. Welcome.

## Forms

form-problems = Not sent yet. Please put these right:
too-many-tries = { $minutes ->
    [one] Too many wrong tries. Wait a minute, then try again.
   *[other] Too many wrong tries. Wait { $minutes } minutes, then try again.
}
passkey-failed = The passkey did not work. Try again, or choose another way.
passkey-use = Use a passkey
passkey-needs-script = Passkeys need a browser with JavaScript switched on.

## Sign-in

sign-in-title = Sign in
sign-in-lead = For health officers with an account.
sign-in-name = Sign-in name
sign-in-name-hint = The account’s name and the unit’s code, for instance hotline-1@48
password = Password
sign-in-button = Sign in
sign-in-wrong = The sign-in name or the password is not right. Check Caps Lock and the keyboard’s language.
sign-in-forgotten = Forgotten your password? Your unit’s administrator can send you a new invitation.
session-ended = Your session has ended. Please sign in again.
second-factor-title = Confirm it is you
second-factor-lead = One more step, so that nobody else can use your account.
totp = 6-digit code
totp-hint = From the authenticator app on your telephone
totp-wrong = The 6-digit code is not right. It changes every 30 seconds: enter the one shown now. If that fails too, check your telephone’s clock.
recovery-link = Telephone not at hand? Use a recovery code
recovery-title = Sign in with a recovery code
recovery-lead = Each recovery code works once.
recovery-code = Recovery code
recovery-code-hint = One of the codes that you printed or stored
recovery-wrong = The recovery code is not right, or it was used already.
recovery-back = Back to the 6-digit code

## Home

home-title = Issue an upload code
home-lead = With this code, a patient’s phone can send what is needed to tell those who were near.
home-today = Today
home-more = Other tasks
home-link-bulk = Issue many codes from a CSV file
home-link-withdrawal = Issue a withdrawal code after a wrong finding
home-link-figures = Figures by day
home-link-help = How to read a code over the telephone
count-issued = issued
count-redeemed = redeemed
count-open = still open
quota = { $used } of { $limit } codes today
report-type = Ground
report-type-confirmed = Confirmed test
report-type-confirmed-hint = A laboratory found the infection
report-type-clinical = Clinical diagnosis
report-type-clinical-hint = By a physician, without a test
report-type-self-test = Self-test
report-type-self-test-hint = Rapid test at home, accepted by an officer
onset-day = Day of onset
onset-day-hint = The day of first symptoms; without symptoms, the day of the test.
other-day = Another day
other-day-date = Choose the day
region = Region
issue-button = Issue code
issue-once = The code is shown once, right after it was issued.
problem-report-type = Choose the ground.
problem-day = Choose today, yesterday or enter another day.
problem-day-future = The day of onset cannot be in the future.
problem-day-old = The day of onset is too long ago: what those days would need is not kept any more.
problem-region = Choose a region.
problem-quota = Today’s codes are used up. Ask your unit’s administrator.

## Issued code

issued-title = The code is issued
issued-title-withdrawal = The withdrawal code is issued
issued-lead = Read it to the patient or print the slip now. Once you leave this page, it cannot be shown again.
issued-spelling = Symbol by symbol
issued-allows = Allows
issued-serial-hint = To check or revoke it later, the serial is all you need.
issue-another = Issue another
print-slip = Print slip
expires-at = Good until
serial = Serial
serial-hint = The 12 digits on the slip
qr-label = QR code of the upload code
find-title = Find a code by its serial
find-button = Find

## Slip

slip-title = Your upload code
slip-title-withdrawal = Your withdrawal code
slip-scan = Scan with the tracing app
slip-step-open = Open the tracing app on your phone and choose “I have a code”.
slip-step-enter = Scan the QR code or type the 11 symbols. Capitals or small letters, both work.
slip-step-choose = Look through the hours, leave out those you do not want to send, then press send.
slip-step-withdraw = Press confirm. Whoever was warned will be told that the finding was wrong.
slip-voluntary = Sending is voluntary. Nobody learns your name: slip and code hold nothing personal. The code works once; do not photograph it or give it to anybody.
