## Khung trang

skip-link = Đến nội dung chính
nav-label = Các phần của cổng
nav-home = Cấp mã
nav-code = Tra mã
nav-bulk = Cấp hàng loạt
nav-figures = Số liệu
nav-reports = Báo cáo
nav-officers = Tài khoản cán bộ
nav-units = Đơn vị
nav-audit = Nhật ký
nav-account = Tài khoản của tôi
nav-help = Hướng dẫn
sign-out = Đăng xuất
footer-privacy = Cổng này không hỏi và không lưu tên, số điện thoại hay địa chỉ của người bệnh.
role-officer = Cán bộ cấp mã
role-supervisor = Giám sát
role-administrator = Quản trị
role-auditor = Kiểm tra
weekday-monday = Thứ Hai
weekday-tuesday = Thứ Ba
weekday-wednesday = Thứ Tư
weekday-thursday = Thứ Năm
weekday-friday = Thứ Sáu
weekday-saturday = Thứ Bảy
weekday-sunday = Chủ nhật
copy = Sao chép
copied = Đã sao chép.
print-by-keys = Để in, nhấn Ctrl và P.
or = hoặc
today = Hôm nay
yesterday = Hôm qua

## Thông báo

alert-quota-near = Sắp hết hạn mức mã hôm nay
alert-quota-near-body = Đã cấp { $used } trong { $limit } mã. Nếu cần thêm, hãy báo quản trị của đơn vị ngay bây giờ.
alert-quota-used-up = Đã hết hạn mức mã hôm nay
alert-quota-used-up-body = Cả { $limit } mã của hôm nay đã được cấp. Hãy báo quản trị của đơn vị để được nâng hạn mức.
alert-daily-report = Báo cáo ngày phải gửi trước 15:00
alert-weekly-report = Báo cáo tuần phải gửi trong hôm nay, thứ Ba
alert-report-link = Xem và gửi báo cáo
alert-guess-brake = Có nhiều mã sai đang được thử
alert-guess-brake-body = Hệ thống đang làm chậm việc nhập mã để chặn dò mã. Người bệnh nhập mã đúng có thể phải thử lại sau vài phút. Việc cấp mã không bị ảnh hưởng.
done-revoked = Đã thu hồi mã. Không ai dùng được mã này nữa.
done-report-sent = Đã gửi báo cáo.
done-deactivated = Đã khóa tài khoản. Các mã chưa dùng của tài khoản này cũng không còn giá trị.
done-key-revoked = Đã thu hồi khóa kết nối.
done-sessions-ended = Đã đăng xuất ở nơi khác.
done-passkey-added = Đã thêm khóa truy cập.
done-passkey-removed = Đã xóa khóa truy cập.
done-totp-changed = Đã đổi ứng dụng xác thực.
done-password-changed = Đã đổi mật khẩu.
done-signed-out = Bạn đã đăng xuất.
done-welcome = Tài khoản đã sẵn sàng. Chào mừng bạn.

## Biểu mẫu

form-problems = Chưa gửi được. Hãy sửa những điểm sau:
too-many-tries = Đã thử sai quá nhiều lần. Hãy đợi { $minutes } phút rồi thử lại.
passkey-failed = Khóa truy cập không dùng được. Hãy thử lại hoặc chọn cách khác.
passkey-use = Dùng khóa truy cập
passkey-needs-script = Khóa truy cập cần trình duyệt bật JavaScript.

## Đăng nhập

sign-in-title = Đăng nhập
sign-in-lead = Dành cho cán bộ y tế có tài khoản.
sign-in-name = Tên đăng nhập
sign-in-name-hint = Tên tài khoản và mã đơn vị, ví dụ hotline-1@48
password = Mật khẩu
sign-in-button = Đăng nhập
sign-in-wrong = Tên đăng nhập hoặc mật khẩu không đúng. Hãy kiểm tra phím Caps Lock và bộ gõ tiếng Việt.
sign-in-forgotten = Quên mật khẩu? Quản trị của đơn vị có thể gửi cho bạn lời mời mới.
session-ended = Phiên làm việc đã hết hạn. Hãy đăng nhập lại.
second-factor-title = Xác nhận đăng nhập
second-factor-lead = Thêm một bước để không ai khác dùng được tài khoản của bạn.
totp = Mã 6 số
totp-hint = Trong ứng dụng xác thực trên điện thoại của bạn
totp-wrong = Mã 6 số không đúng. Mã đổi sau mỗi 30 giây: hãy nhập mã đang hiện. Nếu vẫn sai, hãy kiểm tra giờ trên điện thoại.
recovery-link = Không có điện thoại bên mình? Dùng mã khôi phục
recovery-title = Đăng nhập bằng mã khôi phục
recovery-lead = Mỗi mã khôi phục chỉ dùng được một lần.
recovery-code = Mã khôi phục
recovery-code-hint = Một trong những mã bạn đã in hoặc cất giữ
recovery-wrong = Mã khôi phục không đúng hoặc đã dùng rồi.
recovery-back = Quay lại mã 6 số

## Trang chính

home-title = Cấp mã gửi dữ liệu
home-lead = Với mã này, điện thoại của người bệnh gửi được dữ liệu để báo cho những người đã ở gần.
home-today = Hôm nay
home-more = Việc khác
home-link-bulk = Cấp nhiều mã từ tệp CSV
home-link-withdrawal = Cấp mã rút lại khi kết quả sai
home-link-figures = Số liệu theo ngày
home-link-help = Cách đọc mã qua điện thoại
count-issued = đã cấp
count-redeemed = đã dùng
count-open = còn hiệu lực
quota = { $used } trong { $limit } mã của hôm nay
report-type = Căn cứ
report-type-confirmed = Xét nghiệm khẳng định
report-type-confirmed-hint = Phòng xét nghiệm xác nhận dương tính
report-type-clinical = Chẩn đoán lâm sàng
report-type-clinical-hint = Bác sĩ chẩn đoán, chưa xét nghiệm
report-type-self-test = Tự xét nghiệm
report-type-self-test-hint = Test nhanh tại nhà, cán bộ chấp nhận
onset-day = Ngày khởi phát
onset-day-hint = Ngày có triệu chứng đầu tiên; không có triệu chứng thì ngày lấy mẫu.
other-day = Ngày khác
other-day-date = Chọn ngày
region = Khu vực
issue-button = Cấp mã
issue-once = Mã chỉ hiện một lần, ngay sau khi cấp.
problem-report-type = Chọn căn cứ.
problem-day = Chọn hôm nay, hôm qua hoặc nhập ngày khác.
problem-day-future = Ngày khởi phát không thể ở tương lai.
problem-day-old = Ngày khởi phát đã quá lâu: dữ liệu của những ngày đó không còn nữa.
problem-region = Chọn khu vực.
problem-quota = Đã hết hạn mức mã của hôm nay. Hãy báo quản trị của đơn vị.

## Mã đã cấp

issued-title = Mã đã được cấp
issued-title-withdrawal = Mã rút lại đã được cấp
issued-lead = Đọc mã cho người bệnh hoặc in phiếu ngay bây giờ. Rời trang này là không xem lại được nữa.
issued-spelling = Đọc từng ký tự
issued-allows = Cho phép
issued-serial-hint = Nếu cần kiểm tra hay thu hồi, chỉ cần số phiếu.
issue-another = Cấp mã khác
print-slip = In phiếu
expires-at = Dùng được đến
serial = Số phiếu
serial-hint = 12 chữ số trên phiếu
qr-label = Mã QR của mã gửi dữ liệu
find-title = Tra mã theo số phiếu
find-button = Tra

## Phiếu

slip-title = Mã gửi dữ liệu của bạn
slip-title-withdrawal = Mã rút lại cảnh báo của bạn
slip-scan = Quét bằng ứng dụng truy vết
slip-step-open = Mở ứng dụng truy vết trên điện thoại của bạn, chọn “Tôi có mã”.
slip-step-enter = Quét mã QR hoặc nhập 11 ký tự. Chữ hoa, chữ thường như nhau.
slip-step-choose = Xem lại và bỏ những giờ bạn không muốn gửi, rồi bấm gửi.
slip-step-withdraw = Bấm xác nhận. Những người đã nhận cảnh báo sẽ được báo là kết quả sai.
slip-voluntary = Việc gửi là tự nguyện. Không ai biết tên bạn: phiếu và mã không chứa thông tin cá nhân. Mã chỉ dùng được một lần; đừng chụp ảnh hay đưa cho người khác.
