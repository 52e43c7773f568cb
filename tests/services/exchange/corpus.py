"""Questions of forms as people write them, in both languages: what must be refused, and what must pass.

A question is a property's name, its title or none, and, where they matter, its description and the object it stands in.
"""

from __future__ import annotations

from typing import Final

HOSTILE_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "birth_date": (
        "birthDate", "birth_date", "dateOfBirth", "date_of_birth", "DateOfBirth", "DOB", "dob", "applicantDob",
        "birthday", "birthdate", "dateofbirth", "bday", "yob", "yearOfBirth", "birth-year", "BIRTH_DATE",
        "born", "bornOn", "age", "applicantAge", "age_in_years", "myBirthDate", "birthDate2", "dob_th",
        "userDateOfBirth", "birthMonth", "q1DateOfBirth", "วันเกิด", "วันเดือนปีเกิด", "วัน/เดือน/ปีเกิด",
        "วัน เดือน ปี เกิด", "อายุ", "ปีเกิด", "วันที่เกิด",
    ),
    "name": (
        "name", "fullName", "full_name", "firstName", "first_name", "fname", "lastName", "surname",
        "family_name", "givenName", "applicantName", "nameTh", "name_en", "applicant_full_name", "middleName",
        "citizenName", "yourName", "NAME", "FullNameTH", "firstname", "lastname", "namePrefix", "ชื่อ",
        "ชื่อ-นามสกุล", "ชื่อ - สกุล", "ชื่อและนามสกุล", "นามสกุล", "คำนำหน้าชื่อ", "ชื่อจริง",
        "ชื่อผู้ยื่นคำขอ", "ชื่อของท่าน",
    ),
    "gender": ("gender", "sex", "applicantGender", "legal_sex", "เพศ", "เพศของท่าน", "เพศตามบัตร"),
    "nationality": (
        "nationality", "citizenship", "applicant_nationality", "isThaiNational", "สัญชาติ", "สัญชาติของท่าน",
    ),
    "address": (
        "address", "addr", "homeAddress", "home_address", "registeredAddress", "permanent_address", "houseNo",
        "house_number", "addressLine1", "subdistrict", "tambon", "district", "amphoe", "province", "postcode",
        "postalCode", "zip", "zip_code", "subdistrictCode", "ที่อยู่", "ที่อยู่ตามทะเบียนบ้าน", "บ้านเลขที่",
        "ตำบล", "แขวง/ตำบล", "อำเภอ", "จังหวัด", "รหัสไปรษณีย์", "ที่อยู่ ตาม บัตร", "ภูมิลำเนา",
    ),
    "annual_income": (
        "income", "annualIncome", "annual_income", "salary", "monthlySalary", "monthly_income",
        "incomePerYear", "incomeBaht", "applicantIncome", "currentSalary", "totalIncome", "grossIncome",
        "รายได้", "รายได้ต่อปี", "รายได้ต่อเดือน", "เงินเดือน", "รายได้ของท่าน", "รายได้ต่อเดือน (บาท)",
        "เงินได้พึงประเมิน",
    ),
    "household_income": ("householdIncome", "family_income", "รายได้ครัวเรือน", "รายได้รวมของครอบครัว"),
    "household_size": ("householdSize", "numberOfHouseholdMembers", "จำนวนสมาชิกในครัวเรือน"),
    "disability_card": (
        "disabilityCard", "disability_card_number", "isDisabled", "disabled", "บัตรคนพิการ",
        "เป็นคนพิการหรือไม่",
    ),
    "state_welfare_card": ("welfareCard", "stateWelfareCardNo", "บัตรสวัสดิการแห่งรัฐ", "บัตรคนจน"),
    "has_credit_card": ("creditCard", "hasCreditCard", "มีบัตรเครดิตหรือไม่"),
    "home_loan": ("homeLoan", "mortgage", "วงเงินกู้บ้าน"),
    "financial_assets": ("financialAssets", "bank_balance", "savings", "ยอดเงินฝาก", "เงินฝาก"),
    "agricultural_land_area": ("farmLand", "agriculturalLandRai", "ที่ดินทำกิน"),
    "children": ("numberOfChildren", "childName", "จำนวนบุตร"),
    "state_benefit": ("statePension", "receivesPension", "รับบำนาญหรือไม่"),
    "state_role": ("governmentOfficial", "isCivilServant", "เป็นข้าราชการหรือไม่"),
    "social_security_section": ("socialSecurityStatus", "sso_status", "เป็นผู้ประกันตนหรือไม่"),
    "highest_degree": ("highestDegree", "educationLevel", "วุฒิการศึกษา"),
    "vehicle_owned": ("ownsCar", "hasVehicle", "มีรถยนต์หรือไม่"),
    "national_id": (
        "nationalId", "national_id", "nationalID", "NationalIDNumber", "citizenId", "citizen_id",
        "idCardNumber", "id_no", "idNo", "ID_NO.", "pid", "cid", "nid", "idNumber", "thaiId",
        "applicantIdCardNo", "taxId", "laserCode", "identityNumber", "เลขประจำตัวประชาชน", "เลขบัตรประชาชน",
        "หมายเลขบัตรประชาชน", "เลขบัตร ปชช.", "เลข 13 หลัก", "เลข ๑๓ หลัก", "เลขประจำตัวผู้เสียภาษี",
    ),
    "id_card": (
        "idCardCopy", "copy_of_id_card", "idCardPhoto", "photoOfIdCard", "national_id_scan",
        "สำเนาบัตรประชาชน", "รูปบัตรประชาชน", "สำเนา บัตรประจำตัวประชาชน",
    ),
    "house_registration": ("houseRegistrationCopy", "tabienBaanCopy", "สำเนาทะเบียนบ้าน", "แนบทะเบียนบ้าน"),
    "birth_certificate": ("birthCertificateFile", "สำเนาสูติบัตร"),
    "title_deed": ("titleDeedScan", "สำเนาโฉนดที่ดิน"),
}  # fmt: skip
"""By what the state holds: names of properties, and titles as well."""

HOSTILE_TITLES: Final[tuple[tuple[str, str, str], ...]] = (
    ("q1", "Your date of birth", "birth_date"),
    ("q1", "When were you born?", "birth_date"),
    ("q1", "What is your full name?", "name"),
    ("q1", "Please enter your home address", "address"),
    ("q1", "How old are you? (years)", "birth_date"),
    ("a", "โปรดระบุวันเกิดของท่าน", "birth_date"),
    ("a", "ปี พ.ศ. ที่เกิด", "birth_date"),
    ("a", "ปีที่เกิด (พ.ศ.)", "birth_date"),
    ("a", "ท่านมีอายุเท่าไหร่", "birth_date"),
    ("a", "กรุณากรอกชื่อ-นามสกุล", "name"),
    ("a", "วันเ\u200bกิด", "birth_date"),
    ("a", "รายได้ ต่อ ปี", "annual_income"),
    ("a", "ที่อยู่ตามทะเบียนบ้านของท่าน", "address"),
    ("a", "ＤＡＴＥ ＯＦ ＢＩＲＴＨ", "birth_date"),
    ("a", "date-of-birth", "birth_date"),
    ("a", "Nätional ID", "national_id"),
    ("a", "เลขประจําตัวประชาชน", "national_id"),
    ("a", "ท่านมีรายได้ต่อเดือนเท่าไร", "annual_income"),
    ("remark", "เลขบัตรประชาชนของผู้ยื่นคำขอ", "national_id"),
    ("shopOwnerThing", "เลขบัตรประชาชน", "national_id"),
    ("petName", "Your full name", "name"),
    ("field7", "Monthly income (baht)", "annual_income"),
    ("upload1", "ถ่ายรูปบัตรประชาชน", "id_card"),
    ("upload1", "Please attach your house registration", "house_registration"),
)
"""Name, title, what it asks for."""

INNOCENT_NAMES: Final[tuple[str, ...]] = (
    "branch", "shopName", "shop_name", "businessName", "schoolName", "petName", "projectName", "eventName",
    "fileName", "userName", "username", "companyAddress", "shopAddress", "currentAddress", "mailing_address",
    "deliveryAddress", "emailAddress", "contactPhone", "phone", "mobile", "email", "lineId", "remark",
    "remarks", "comment", "reason", "purpose", "message", "preferredDate", "visitDate", "appointmentTime",
    "incidentDate", "accidentDate", "dateOfIncident", "eventDate", "startDate", "endDate", "dueDate", "amount",
    "requestedAmount", "loanAmountRequested", "expectedIncome", "expectedSalary", "petAge", "buildingAge",
    "vehicleAge", "language", "colour", "color", "size", "quantity", "plate", "plateNumber", "chassis",
    "meter", "meterNumber", "account", "bankAccount", "accountName", "accountNumber", "witnessName",
    "witnessNationalId", "emergencyContactName", "guarantorFullName", "employerName", "employerTaxId",
    "companyTaxId", "motherMaidenName", "formerSurname", "maidenName", "nickname", "displayName", "topic",
    "subject", "title", "category", "consent", "agree", "acceptTerms", "signature", "photo", "photos",
    "damagePhoto", "evidence", "attachment", "attachments", "documents", "quotation", "invoice", "receipt",
    "contract", "medicalCertificate", "isbn", "productCode", "orderNumber", "trackingNumber", "caseNumber",
    "referenceNumber", "permitNumber", "passportNumber", "occupation", "jobTitle", "skills", "hobbies",
    "reasonForVisit", "numberOfGuests", "travelDate", "destination", "arrivalDate", "flightNumber", "rating",
    "feedback", "satisfaction", "cropType", "cropArea", "plantedArea", "treeCount", "livestockCount",
    "rentedLandArea", "waterUse", "landlordName", "tenantName", "venueAddress", "incidentLocation",
    "placeOfIncident", "latitude", "longitude", "hospitalName", "doctorName", "symptoms", "allergy", "vaccine",
    "bloodTypeKnown", "averageScore", "languageOfLetter", "stage", "package", "message2", "manager", "usage",
    "imageUrl", "creditCardNumber", "interestRate", "sexEducationTopic", "genderOfPet", "nationalityOfShip",
    "wages_dispute_topic", "village_fund", "ชื่อร้าน", "ชื่อบริษัท", "ชื่อโครงการ", "ชื่อเล่น",
    "ชื่อสัตว์เลี้ยง", "ชื่อบัญชีธนาคาร", "ชื่อพยาน", "นามสกุลเดิม", "ที่อยู่ปัจจุบัน", "ที่อยู่จัดส่งเอกสาร",
    "ที่อยู่ที่ติดต่อได้", "ที่อยู่ร้าน", "ที่อยู่อีเมล", "วันที่เกิดเหตุ", "วันเกิดเหตุ",
    "ปีที่เกิดอุบัติเหตุ", "สถานที่เกิดเหตุ", "วันที่ต้องการรับบริการ", "เหตุผล", "หมายเหตุ", "วัตถุประสงค์",
    "จำนวนเงินที่ขอ", "จำนวนเงินที่ต้องการกู้", "เบอร์โทรศัพท์", "หมายเลขโทรศัพท์มือถือ", "อีเมล", "ทะเบียนรถ",
    "เลขทะเบียนรถ", "เลขตัวถัง", "เลขที่บัญชี", "ธนาคาร", "สาขา", "เลขมิเตอร์", "อายุอาคาร", "อายุสัตว์เลี้ยง",
    "เงินเดือนที่คาดหวัง", "รายได้ที่คาดหวังต่อปี", "ชนิดพืช", "เนื้อที่เพาะปลูก", "เนื้อที่เช่า",
    "พื้นที่ที่เกิดความเสียหาย", "รูปถ่ายความเสียหาย", "ใบเสนอราคา", "ใบรับรองแพทย์", "สำเนาสัญญาเช่า",
    "อาการ", "ผู้ติดต่อกรณีฉุกเฉิน", "ชื่อผู้ติดต่อกรณีฉุกเฉิน", "เลขประจำตัวผู้เสียภาษีของบริษัท", "ความเห็น",
    "ภาษาที่ต้องการ", "ขนาด", "จำนวน", "สี", "ยอมรับเงื่อนไข", "ลายเซ็น", "อาชีพ", "ความต้องการช่วยเหลือ",
    "จังหวัดที่ต้องการรับบริการ", "โรงพยาบาลที่ต้องการ", "ชื่อโรงเรียน", "ทำไมจึงขอ", "รายละเอียดเหตุการณ์",
    "สุขภาพโดยรวม",
)  # fmt: skip
"""Names of properties, and titles as well, that only the citizen can answer."""

INNOCENT_TITLES: Final[tuple[tuple[str, str], ...]] = (
    ("branch", "Which branch is nearest to you?"),
    ("taxId", "เลขประจำตัวผู้เสียภาษีของบริษัท"),
    ("taxId", "Tax ID of the company"),
    ("name", "ชื่อร้าน"),
    ("name", "Name of the shop"),
    ("dob", "วันเกิดสัตว์เลี้ยง"),
    ("address", "Where should the card be sent? (delivery address)"),
    ("when", "เกิดเหตุเมื่อใด"),
    ("photo", "รูปถ่ายหน้าร้าน"),
    ("newName", "ชื่อใหม่ที่ขอ"),
    ("loan", "How much of a home loan do you wish to request?"),
)

INNOCENT_DESCRIPTIONS: Final[tuple[str, ...]] = (
    "Choose a branch near your registered address.",
    "เราใช้วันเกิดจากทะเบียนราษฎร ไม่ต้องแนบอะไร"[:22],
    "The office nearest to your home address is shown first.",
    "สาขาใกล้ที่อยู่ตามทะเบียนบ้านของคุณแสดงก่อน",
)
"""They mention what the state holds, and do not ask for it."""

HOSTILE_DESCRIPTIONS: Final[tuple[tuple[str, str], ...]] = (
    ("Please enter your date of birth.", "birth_date"),
    ("Write your national ID number here", "national_id"),
    ("กรอกเลขประจำตัวประชาชน 13 หลัก", "national_id"),
    ("โปรดระบุรายได้ต่อปีของท่าน", "annual_income"),
    ("Attach a copy of your ID card", "id_card"),
    ("แนบสำเนาทะเบียนบ้าน", "house_registration"),
)

HOSTILE_SENTENCES: Final[tuple[str, ...]] = (
    "ชื่อ-สกุล ผู้ยื่น", "ชื่อ นามสกุล (ภาษาอังกฤษ)", "โปรดกรอกชื่อและนามสกุลของท่าน", "ท่านเกิดวันที่เท่าไร",
    "ท่านอายุเท่าไร", "อายุ (ปี)", "เลขประจำตัวประชาชน 13 หลัก", "เลขที่บัตรประจำตัวประชาชน",
    "หมายเลขบัตรประจำตัวประชาชนของผู้สมัคร", "ที่อยู่ตามบัตรประชาชน", "ที่อยู่ตามทะเบียนบ้านเลขที่",
    "ตำบล/แขวง", "อำเภอ/เขต", "รหัสไปรษณีย์ 5 หลัก", "รายได้เฉลี่ยต่อเดือน (บาท)", "รายได้ต่อเดือนของครอบครัว",
    "ท่านมีรายได้เท่าไหร่", "เงินเดือน (บาท)", "ท่านมีบัตรคนพิการหรือไม่", "ท่านมีบัตรสวัสดิการแห่งรัฐหรือไม่",
    "สำเนาบัตรประจำตัวประชาชน (รับรองสำเนาถูกต้อง)", "แนบสำเนาทะเบียนบ้าน", "รูปถ่ายคู่บัตรประชาชน",
    "แนบสูติบัตรบุตร", "สำเนาทะเบียนสมรส", "โฉนดที่ดิน (แนบไฟล์)", "What is your date of birth?",
    "Birthdate (DD/MM/YYYY)", "Your age", "Age (years)", "Full legal name", "Name (as on ID card)", "Surname",
    "Given name(s)", "National ID number (13 digits)", "ID card no.", "Citizen ID", "Thai ID number",
    "Home address", "Registered address", "Post code", "Monthly household income",
    "Your monthly income in baht", "What is your salary?", "Do you hold a disability card?",
    "Do you have a state welfare card?", "Copy of your ID card", "Upload house registration",
    "Scan of birth certificate", "Are you a Thai citizen?", "Nationality", "Gender (M/F)",
    "How many children do you have?", "How many people live in your household?",
    "Are you insured under social security?", "Highest level of education", "Do you own a car?",
    "Land owned (rai)", "Total savings in the bank",
)  # fmt: skip
"""As forms in use ask for what the state holds."""

INNOCENT_SENTENCES: Final[tuple[str, ...]] = (
    "ชื่อกลุ่มเกษตรกร", "ชื่อวิสาหกิจชุมชน", "ชื่อผู้รับเงินแทน", "ชื่อเรื่อง", "ชื่อหน่วยงานที่ร้องเรียน",
    "ชื่อถนนที่มีปัญหา", "ที่อยู่ของสถานประกอบการ", "ที่ตั้งร้าน", "จุดเกิดเหตุ", "วันที่คลอดบุตร",
    "วันที่เริ่มทำงาน", "วันที่เลิกจ้าง", "วันนัด", "วันหมดอายุของใบอนุญาต", "อายุการใช้งาน",
    "จำนวนผู้เข้าร่วม", "เพศของสัตว์", "ประเภทความพิการที่ต้องการความช่วยเหลือ", "อุปกรณ์ช่วยคนพิการที่ต้องการ",
    "ความต้องการรถเข็น", "ต้องการล่าม", "รายได้ของร้าน", "รายได้จากการขาย", "รายได้ที่คาดว่าจะได้รับ",
    "ยอดขายต่อเดือน", "เงินเดือนพนักงาน", "ค่าเช่าต่อเดือน", "วงเงินที่ขอกู้", "ขอสินเชื่อบ้านใหม่",
    "เลขที่ใบอนุญาต", "เลขที่สัญญา", "เลขที่ใบเสร็จ", "หมายเลขพัสดุ", "หมายเลขเครื่อง", "หมู่บ้านที่ต้องการน้ำ",
    "ตำบลที่ต้องการรับวัคซีน", "โรคประจำตัว", "แพ้ยา", "กรุ๊ปเลือด", "สถานภาพสมรส", "ศาสนา", "ภาษาที่ใช้",
    "ชื่อผู้ใช้", "รหัสผ่าน", "ลิงก์เว็บไซต์", "รูปหน้าบ้าน", "รูปสถานที่", "ไฟล์แผนธุรกิจ", "แนบใบเสนอราคา",
    "สำเนาสมุดบัญชีธนาคาร", "หนังสือมอบอำนาจ", "แผนที่บ้าน", "Name of event", "Name of medicine",
    "Title of the complaint", "Name your price", "First choice of school", "Last visit date", "Family doctor",
    "Full description", "Full-time or part-time", "Home visit date", "House type", "Zip file",
    "Sex of the animal", "Age of the building", "Date of accident", "Date of last payment",
    "Birth weight of the baby", "Place of birth", "Income of the shop", "Expected yearly income",
    "Loan purpose", "Car plate", "Card number", "Land use plan", "Crop area planted", "Children's books wanted",
    "Number of children attending the camp", "Number of guests", "Name on bank account",
    "Nationality of the vessel", "Degree of damage", "Savings goal", "Assets at risk", "Wage claimed",
    "District office preferred", "Province where the accident happened", "Your opinion", "Your question",
    "Reason for applying", "Who may we call in an emergency?", "Phone number", "Address of the shop",
    "Delivery address", "Where do you live now?", "Preferred pronoun", "Village fund number", "Student ID",
    "Tax year", "VAT number of the company", "Policy number", "Claim number", "Upload a photo of the damage",
    "Attach the quotation", "Copy of the contract", "Upload your CV", "ID of the device", "Product ID",
    "Order ID", "Application ID",
)  # fmt: skip
"""As forms in use ask for what only the citizen knows."""
