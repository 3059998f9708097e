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
alert-daily-report-late = Yesterday’s daily report is overdue since 15:00
alert-weekly-report = The weekly report is due by 14:00 on Tuesday
alert-weekly-report-late = Last week’s report is overdue since Tuesday, 14:00
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
oidc-button = Continue with { $name }
oidc-hint = This portal then learns and keeps neither your name nor your e-mail address.
oidc-arrival = One moment
oidc-continue = Continue
oidc-unknown = No account here belongs to this sign-in
oidc-unknown-next = Ask your unit’s administrator for an invitation, open it and choose the same way there.
oidc-taken = This sign-in belongs to another account
oidc-taken-next = Nothing was changed. Accept the invitation with a password, or ask your unit’s administrator to close the other account.
oidc-refused = The sign-in was not completed
oidc-refused-next = It was cancelled there, or a step of it is missing. Nothing was changed. Try again; if it fails again, tell your unit’s administrator.
oidc-over = This sign-in is no longer valid
oidc-over-next = It took longer than five minutes, was begun in another browser, or is over already. Please begin again.
oidc-unavailable = The other sign-in service does not answer
oidc-unavailable-next = Try again in a few minutes, or sign in with name and password if your account has one.
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
report-type = Report type
report-type-confirmed = Confirmed test
report-type-confirmed-hint = A laboratory found the infection
report-type-clinical = Clinical diagnosis
report-type-clinical-hint = By a physician, without a test
report-type-self-test = Self-test
report-type-self-test-hint = Rapid test at home, accepted by an officer
report-type-withdrawal = Withdrawal
onset-day = Day of onset
onset-day-hint = The day of first symptoms; without symptoms, the day of the test.
other-day = Another day
other-day-date = Choose the day
region = Region
issue-button = Issue code
issue-once = The code is shown once, right after it was issued.
problem-report-type = Choose the report type.
problem-day = Choose today, yesterday or enter another day.
problem-day-future = The day of onset cannot be in the future.
problem-day-old = The day of onset is too long ago: what those days would need is not kept any more.
problem-region = Choose a region.
problem-quota = Today’s codes are used up. Ask your unit’s administrator.
problem-unit-closed = Your unit is closed and issues no codes. Ask your administrator.
problem-form-old = This page was open for too long, so nothing was done. Check it and press again.

## Issued code

issued-title = The code is issued
issued-title-withdrawal = The withdrawal code is issued
issued-lead = Read it to the patient or print the slip now. Once you leave this page, it cannot be shown again.
issued-spelling = Symbol by symbol
issued-allows = Allows
issued-serial-hint = To check or revoke it later, the serial is all you need.
issue-another = Issue another
print-slip = Print slip
already-title = The code was issued already
already-lead = This form was sent before, so no second code was issued. The first one cannot be shown again.
already-next = If it was neither read out nor printed, open the slip, revoke its code and issue another.
already-look = See slip { $serial }
already-sheet-title = Sheet { $sheet } was issued already
already-sheet-lead = No more codes were issued. The codes of this sheet were shown once and cannot be shown again.
already-sheet-next = If they were neither printed nor downloaded, reissue the sheet.
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

## Find a code

cancel = No, go back
unit = Unit
state = State
find-lead = By its serial, never by the code: codes are kept nowhere.
problem-serial = There is no such slip in your unit. Check the 12 digits.
issued-at = Issued
redeemed-at = Redeemed
times-to-the-hour = Times are kept to the hour.
revoke-link = Revoke this code
state-issued = Open
state-issued-next = Nobody has used this code. The patient can still enter it.
state-redeemed = Redeemed
state-redeemed-next = The code was entered. Nobody can know what the patient sent with it.
state-expired = Expired
state-expired-next = The code does not work any more. If the patient still wants to send, issue another.
state-revoked = Revoked
state-revoked-next = An officer revoked this code. It does not work any more.
codes-link = List of issued codes
codes-title = Issued codes
codes-lead = Newest first, to the hour; within an hour, in random order.
codes-filter = Filter by state
codes-all = All
codes-none = No codes.
codes-newest = Back to the newest
codes-older = Older codes
codes-revoke = Revoke
codes-revoke-one = Revoke the code of slip { $serial }
confirm-revoke = Revoke the code of slip { $serial }?
confirm-revoke-body = The patient cannot use this code any more. That cannot be undone, but you can issue another.
confirm-revoke-yes = Revoke code

## Withdrawal code

withdrawal-title = Issue a withdrawal code
withdrawal-lead = For a patient who has sent already and then learned that the finding was wrong.
withdrawal-note = Only the phone that sent can withdraw
withdrawal-note-body = The patient enters this code on the very phone that sent. Whoever was warned will be told that the finding was wrong.
withdrawal-note-when = The phone kept a receipt when it sent, and withdraws by it. Warnings go with the next publication, as a rule within hours.
withdrawal-serial = Serial of the code that was used, if at hand
withdrawal-serial-hint = Checks that it was used. Leave it empty if there is no slip.
withdrawal-button = Issue withdrawal code
problem-not-redeemed = The code of this slip was not used, so there is nothing to withdraw. Revoke it under “Find a code”.

## Bulk issue

bulk-title = Issue many codes from a file
bulk-lead = Upload a CSV file with one code a line. It is checked first; nothing is issued yet.
bulk-upload = Upload a file
bulk-file = CSV file
bulk-file-hint = UTF-8, the first line names the columns
bulk-check = Check file
bulk-columns = Columns
bulk-column-report-type = confirmed, clinical or self-test
bulk-column-onset-day = Day of onset, like 2026-11-22
bulk-column-region = Region; the column may be left out
bulk-template = Download a template
bulk-no-person = Nothing about patients in the file
bulk-no-person-body = A file with any other column (name, telephone, record number…) is refused as a whole and not kept.
bulk-imports = Uploaded files
bulk-no-imports = None yet.
bulk-uploaded-at = Uploaded
bulk-rows = rows
bulk-progress = Progress
bulk-open = Open
bulk-continue = Continue
bulk-look = Look
problem-file-empty = Choose a file with at least one row below the names of the columns.
problem-file-rows = The file has too many rows: { $limit } at most.
problem-file-long = The file is longer than 1 MB. Divide it.
problem-file-unreadable = The file cannot be read. Save it as “CSV UTF-8”.
problem-file-missing = Column { $column } is missing. Use the template.
problem-file-repeated = Column { $column } is there twice. Take one out.
problem-file-foreign = Column number { $position } is not allowed. Take it out; nothing of the file was kept.
import-title = File uploaded at { $time }
import-back = Back to uploaded files
import-ready = { $rows ->
    [one] { $rows } row is ready
   *[other] { $rows } rows are ready
}
import-faults = { $rows ->
    [one] { $rows } row has an error
   *[other] { $rows } rows have errors
}
import-faults-body = These get no code. Put them right and upload them as a file of their own.
import-line = Line
import-problem = Error
import-more-faults = and { $rows } more
import-sheets = Issue by sheets
import-sheets-body = A sheet has up to 100 codes. Codes are shown once: print or download each sheet before you issue the next.
import-progress = { $issued } of { $rows } codes issued
import-issue = Issue sheet { $sheet }: { $codes } codes
import-quota = Only { $left } more codes may be issued today, fewer than the sheet has. None of the sheet was issued.
sheet = Sheet
sheet-codes = codes
sheet-issued = Issued
sheet-waiting = Not yet
sheet-lost = Lost?
sheet-reissue = Reissue
sheet-title = Sheet { $sheet } is issued
sheet-lead = Print the slips or download the CSV now. Once you leave this page, it cannot be shown again.
sheet-print = Print slips
sheet-csv = Download CSV
sheet-next = Done, back to the sheets
sheet-kept = Codes that were used already stay as they are
sheet-kept-line = Line { $line }: slip { $serial }
row-columns = Not as many columns as the first line has
row-quotes = A quotation mark is not closed
row-report-type = The report type must be confirmed, clinical or self-test
row-day = The day must look like 2026-11-22
row-day-future = The day is in the future
row-day-old = The day is too long ago
row-region = No such region, or not your unit’s
confirm-reissue = Reissue sheet { $sheet }?
confirm-reissue-body = { $open ->
    [one] The sheet’s one open code is revoked and replaced by a new one. A slip that a patient already has stops working.
   *[other] The sheet’s { $open } open codes are revoked and replaced by new ones. Slips that patients already have stop working.
}
confirm-reissue-yes = Revoke and reissue

## Figures and reports

figures-title = Figures
figures-lead = Codes by day of issue and by unit. There are no figures about any one patient.
figures-first = From
figures-last = To
figures-show = Show
figures-7 = Last 7 days
figures-kept = All days that are kept
figures-now = Now
figures-waiting = hours since issue, codes still open (median)
figures-behind = hours since the last publication, { $region }
figures-chart-codes = Codes and uploads by day
figures-chart-hidden = No bar: none, or hidden. The table says which.
figures-chart-hours = Hours from issue to redemption (median)
figures-by-day = By day
figures-by-unit = By unit
figures-median = hours (median)
figures-alone = the unit itself
figures-total = Total
figures-incomplete = incomplete
figures-csv = Download CSV
figures-note-day = Codes count on the day they were issued; redeemed, expired and revoked are of the codes of that day.
figures-note-below = “<{ $floor }” means fewer than { $floor }, perhaps none. Numbers that small are hidden, so that nobody can guess a patient from them.
figures-note-withheld = “*” means hidden because a number below { $floor } could be worked out from it.
figures-note-least = “≥” adds up the days whose numbers are shown; on at least one day the number is hidden.
figures-note-ends = Expired and revoked codes are shown to the unit that issued them alone: from them, hidden numbers could be worked out.
figures-note-median = Hours are medians, shown from { $floor } codes on.
figures-note-incomplete = “Incomplete”: some codes of that day are forgotten already, because nothing is kept longer than needed.
figures-note-uploads = Uploads are known for the whole country alone, since an upload does not carry a unit.
count-uploads = uploads
count-expired = expired
count-revoked = revoked
day = Day
print = Print
problem-range-order = The first day must not be after the last.
problem-range-long = At most { $days } days at once.
report-daily = Daily report
report-weekly = Weekly report
report-tab-daily = Daily (by 15:00)
report-tab-weekly = Weekly (Tuesday)
report-open = Not sent yet. Due: { $due }
report-late = Not sent, and overdue since { $due }
report-sent = Sent at { $time }
report-sent-late = Sent late, at { $time }
report-overdue = overdue
report-send = Send report
report-send-hint = Sends the numbers above and nothing else.
report-missing = Units below
report-none-missing = All { $units } units have sent theirs.
report-some-missing = { $missing } of { $units } units have not sent theirs:
report-some-late = Sent late
report-csv = Download CSV: who sent
report-earlier = ← Earlier
report-later = Later →

## Officers

account = Account
role = Role
search = Search
never = never
officers-search = Account or unit
officers-lead = Accounts are named after a desk, not after a person.
officers-none = No account found.
officers-last-seen = Last sign-in
account-active = Active
account-invited = Invited, until { $until }
account-not-set-up = No sign-in yet
account-deactivated = Closed
officer-reset = Reset sign-in
officer-deactivate = Close account
officer-own = This is your own account. Only another administrator can close or reset it.
officer-back = Back to the officers
invite-title = Invite an officer
invite-lead = You get a link that works once. The officer opens it and chooses a password and a second factor.
invite-label = Account name
invite-label-hint = After the desk, for instance hotline-2; not a person’s name
invite-unit-code = Unit code
invite-button = Make invitation
role-officer-hint = Issues codes; sees and revokes those of the own unit
role-supervisor-hint = Also sees and revokes those of the units below
role-administrator-hint = Also keeps officers and units
role-auditor-hint = Looks at figures and the audit log; changes nothing
problem-label = An account name has 1 to 64 characters, none of them an @.
problem-label-taken = The unit has an account of that name. Choose another.
problem-unit = There is no such unit in your reach.
problem-role = Nobody grants more than they hold.
invited-title = Invitation for { $account }
invited-lead = The link is shown once and works once.
invited-link = Link
invited-safely = Hand it to the right person directly
invited-safely-body = Whoever has the link has the account. Do not send it to a group. If it went astray, reset the sign-in at once.
confirm-deactivate = Close the account { $account }?
confirm-deactivate-body = It is signed out at once and cannot be opened again. Codes that it issued and nobody used are worth nothing then.
confirm-deactivate-yes = Close account
confirm-reset = Reset the sign-in of { $account }?
confirm-reset-body = You will get a new invitation link, in place of an open one. Once the officer accepts it, password, second factor and all sessions from before stop working.
confirm-reset-yes = Make a new link
keys-title = Client keys
keys-lead = For a hospital’s system that issues codes in this account’s place. One key for each system.
keys-none = None yet.
keys-new = Make a key
keys-label = Key name
keys-label-hint = For instance HIS Hospital C
keys-scopes = May
keys-create = Make key
keys-created = Made
keys-revoke = Revoke
scope-issue = Issue codes
scope-look-up = Look up states
scope-revoke = Revoke codes
scope-figures = Read figures
scope-officers = Keep accounts
scope-audit = Read the audit log
problem-key-label = Give the key a name of at most 64 characters.
problem-key-scope = Choose at least one thing that the key may do.
key-title = Client key “{ $label }”
key-lead = The key is shown once. Copy it into the hospital’s system now; do not send it by mail.
key-done = I have copied it
confirm-key = Revoke the key “{ $label }”?
confirm-key-body = The system that uses it is cut off at once.
confirm-key-yes = Revoke key

## Units and audit log

units-lead = Your unit and those below it, from the official list.
units-search = Name or code
units-way = Place in the tree of units
units-none-below = No units below.
units-none-found = No unit found.
units-code = Code
units-below = Units below
units-accounts = Accounts
units-more = and { $units } more: search for a longer name.
audit-lead = Who did what, and when. The log holds no codes and nothing about patients.
audit-verified = Verified: { $entries } entries in one chain, none changed or taken out.
audit-not-verified = { $entries } entries. So many are checked when you ask for it.
audit-verify = Verify all entries
audit-head = Last entry noted earlier
audit-head-hint = Number and mark, like 4711:9f2c… If you have one, it also shows whether entries were cut off at the end.
audit-head-note = Number and mark of the last entry. Note them down outside this system:
audit-head-known = The entry that you noted is among them.
problem-head = A noted entry looks like 4711:9f2c…, with 64 digits and letters behind the colon.
audit-broken = The chain breaks at entry { $entry }
audit-broken-body = An entry was changed or taken out. Tell whoever runs the system at once, and keep the CSV.
audit-broken-here = broken here
audit-none = No entry fits.
audit-all = All
audit-action = Action
audit-number = No.
audit-time = When
audit-about = About
audit-server = The server’s operator
audit-by-key = by a client key
audit-newest = ← Newest
audit-older = Older →
audit-csv = Download CSV
audit-csv-hint = Holds what the filters let through, and is itself an entry. Without filters, an auditor of the whole country can check the file without this system.
action-unit-added = Unit added
action-unit-list-replaced = List of units replaced
action-officer-added = Account added
action-officer-deactivated = Account closed
action-invitation-issued = Invitation made
action-invitation-accepted = Invitation accepted
action-signed-in = Signed in
action-signed-out = Signed out
action-sign-in-refused = Many wrong sign-ins
action-password-changed = Password changed
action-passkey-added = Passkey added
action-oidc-linked = Linked to the ministry’s sign-in
action-passkey-removed = Passkey removed
action-totp-set = Authenticator app set up
action-recovery-codes-made = Recovery codes made
action-recovery-code-used = Recovery code used
action-sessions-ended = Sessions ended
action-key-created = Client key made
action-key-revoked = Client key revoked
action-code-issued = Code issued
action-code-revoked = Code revoked
action-signing-key-rotated = Signing key changed
action-window-published = Batch published at once
action-quota-near = Limit of codes nearly reached
action-quota-reached = Limit of codes reached
action-codes-imported = File uploaded
action-audit-exported = Audit log downloaded
action-report-sent = Report sent

## Invitation and own account

invitation-title = Welcome
invitation-lead = Choose a password for your account.
invitation-button = Continue
invitation-step = Step 1 of 2. The second factor comes next.
new-password = New password
new-password-hint = At least { $minimum } characters. A few words together are easy to remember and hard to guess.
password-again = New password again
old-password = Current password
problem-password-old = The current password is not right.
problem-password-short = A password has from { $minimum } to 128 characters.
problem-password-common = The password is easy to guess. Choose another, without the sign-in name.
problem-password-different = The two are not the same.
totp-title = Second factor
totp-lead = Besides the password, each sign-in takes a code from your telephone.
totp-step-app = Open an authenticator app on your telephone (for instance Google Authenticator or FreeOTP).
totp-step-scan = Scan this QR code.
totp-step-type = Cannot scan it? Type this key into the app:
totp-step-confirm = Enter the 6-digit code that the app shows now.
totp-qr-label = QR code for the authenticator app
totp-button = Confirm
passkey-instead = Use a passkey instead
recovery-codes = Recovery codes
recovery-codes-title = Your recovery codes
recovery-codes-lead = For a day without your telephone; each works once. They are shown only now: print them and keep them safe.
recovery-codes-done = Stored, continue
recovery-codes-left = { $codes ->
    [one] { $codes } code is left.
   *[other] { $codes } codes are left.
}
recovery-codes-new = Make new recovery codes
recovery-codes-new-hint = The old ones stop working.
step-up-totp = The app in use stops working once you have confirmed the new one.
step-up-passkey = Remove the passkey “{ $label }”?
step-up-hint = So that nobody else changes how you sign in while your computer is open.
step-up-button = Continue
account-language = Language
account-password = Change password
account-password-button = Change password
second-factor = Second factor
authenticator = Authenticator app
authenticator-on = In use
authenticator-off = Not in use
authenticator-add = Add an authenticator app
authenticator-change = Change telephone or app
passkeys = Passkeys
passkeys-none = None yet. With a passkey you sign in by fingerprint or USB key, without typing a code.
passkey-label = Passkey name
passkey-label-hint = For instance front desk computer
passkey-add = Add a passkey
passkey-lead = A passkey stays in this computer, telephone or USB key and takes the place of the 6-digit code at sign-in.
passkey-unnamed = Passkey
passkey-added = added { $day }
passkey-remove = Remove
sessions = Where you are signed in
session-started = Since { $time }
session-used = Last used { $time }
session-current = This session
session-end = Sign out
sessions-end-others = Sign out everywhere else

## Trouble

trouble-home = To the home page
trouble-sign-in = To sign-in
trouble-reference = Reference:
trouble-forbidden = You may not do this
trouble-forbidden-next = Your role does not allow it. If you need it, ask your unit’s administrator.
trouble-not-found = Page not found
trouble-not-found-next = The address is not right, or this is not in your unit’s reach.
trouble-form = The form was refused
trouble-form-next = It is too old, or did not come from this portal. Nothing was done. Go to the home page and try again. If a strange link brought you here, tell your administrator.
trouble-tries = Too many tries
trouble-invitation = The invitation does not work any more
trouble-invitation-next = It was used, replaced by another, or has run out. Ask your unit’s administrator for a new one.
trouble-enrolment = That took too long
trouble-enrolment-next = Open the link of your invitation again and start over. It goes on working until you have accepted it or it runs out.
trouble-large = The file is too large
trouble-large-next = Nothing was kept. Split it into smaller files.
trouble-server = Something went wrong on our side
trouble-server-next = It is not your fault. Try again in a minute. Before you issue a code again, look at today’s counts on the home page.
trouble-unavailable = The system cannot work just now
trouble-unavailable-next = Try again in a few minutes. If a patient is waiting on the line, offer to call back.

## Help

help-read = Reading a code over the telephone
help-read-groups = Read it in groups: four, three, then four symbols. Pause after each.
help-read-words = Say the word: “Charlie” for C. Digits are read as “seven”.
help-read-back = Let the patient read each group back.
help-read-check = If a symbol is wrong, the app says so at once: the last one is a check. Typing it again is enough, no new code is needed.
help-symbols = Symbols that codes have
help-if = What to do if…
help-wrong = …the app says the code is wrong?
help-wrong-answer = Read it again. Codes have no O, I, L, B, S, Z or G. If it still fails, look up the serial: it may be used or expired.
help-expired = …the code has expired?
help-expired-answer = Issue another with the same day of onset. A code is good for a day at least.
help-misread = …you read the code to the wrong person?
help-misread-answer = Revoke it at once under “Find a code”, then issue another for the right person.
help-false = …the positive finding turns out to be wrong?
help-false-answer = Code not used: revoke it. Code used: issue a withdrawal code for the patient.
help-lost = …a printed sheet is lost?
help-lost-answer = Under “Bulk issue”, open the file and choose “Reissue”. Old codes that nobody used are revoked.
help-telephone = …you lost the telephone with your authenticator app?
help-telephone-answer = Sign in with a recovery code and change the app under “My account”. Without one, ask your administrator to reset your sign-in.
help-unseen = What an officer cannot see
help-unseen-patient = Who the patient is: there is no field for a name, telephone number or address.
help-unseen-contacts = Who was near the patient: that never leaves their phones.
help-unseen-code = A code that was issued: it is shown once, and the system does not keep it either.
help-unseen-upload = What the patient sent, and for which days.
help-figures = How figures hide small numbers
help-figures-below = A number below the floor (5, unless your deployment says otherwise) shows as “<5”: none, one and four look alike. Where nobody has an account, none is shown as 0.
help-figures-withheld = A number from which a hidden one could be worked out shows as “*”, for instance the total of a district where a single ward is hidden.
help-figures-own = Your own unit’s issued codes are always shown to you: you know them. What became of them is not, while it is few.
help-figures-ends = Expired and revoked codes are shown to the unit that issued them alone.
help-figures-sums = Sums over days add up what is shown, and say “≥” if a day is hidden. Medians need as many codes as the floor.
help-figures-same = Asking for figures in another way, for another range or unit, shows nothing more. The CSV has the same signs. Whoever may look up single codes or read the audit log of a unit sees each code there.
