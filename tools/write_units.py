"""Write db/schema/units.sql: the units of measure and their names.

The units, their factors and usual spellings stand below; names in English, Romanian, German, French and Spanish are those of
Unicode CLDR (licence: LICENSES/Unicode-3.0.txt), read from the PyPI package `babel`, which carries them:

    python -m pip install babel==2.18.0 && python tools/write_units.py

`babel` is needed only here, not by the product. Factors are exact by definition (the inch is 0.0254 m) or, where marked by many
digits, rounded to twelve.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "db" / "schema" / "units.sql"
LOCALES = ("en", "ro", "de", "fr", "es")

#: code | family | factor | CLDR unit | spellings, the first is the symbol. Order is rank: who comes first wins an ambiguous name.
UNITS = """
m | length | 1 | length-meter | m ; mtr ; mtrs
cm | length | 0.01 | length-centimeter | cm ; cms
mm | length | 0.001 | length-millimeter | mm ; mms
in | length | 0.0254 | length-inch | in ; " ; ″ ; '' ; inch ; inches ; tol ; toli ; țol ; țoli ; zoll ; inci
ft | length | 0.3048 | length-foot | ft ; ' ; ′ ; feet ; foot ; fuß
yd | length | 0.9144 | length-yard | yd ; yds ; yards
km | length | 1000 | length-kilometer | km ; kms
dm | length | 0.1 | length-decimeter | dm
um | length | 0.000001 | length-micrometer | µm ; um ; micron ; microns ; mikron
nm | length | 0.000000001 | length-nanometer | nm
mi | length | 1609.344 | length-mile | mi ; mile ; miles
mil | length | 0.0000254 | | mil ; mils ; thou
kg | mass | 1 | mass-kilogram | kg ; kgs ; kilo ; kilos ; kilogramm
g | mass | 0.001 | mass-gram | g ; gr ; grs ; gms ; gm ; grame
lb | mass | 0.45359237 | mass-pound | lb ; lbs ; # ; pounds ; pfund
oz | mass | 0.028349523125 | mass-ounce | oz ; ozs ; ounces ; unze ; unzen
mg | mass | 0.000001 | mass-milligram | mg
ug | mass | 0.000000001 | mass-microgram | µg ; ug ; mcg
t | mass | 1000 | mass-tonne | t ; tone ; tonne ; tonnen
ton_us | mass | 907.18474 | mass-ton | tn ; short ton
st | mass | 6.35029318 | mass-stone | st ; stone
ct | mass | 0.0002 | mass-carat | ct ; carat ; carats ; cttw ; ctw
ozt | mass | 0.0311034768 | mass-ounce-troy | oz t ; troy oz
l | volume | 1 | volume-liter | l ; L ; ltr ; ltrs ; lt ; lit ; litre ; litres
ml | volume | 0.001 | volume-milliliter | ml ; mL ; mls ; cc
cl | volume | 0.01 | volume-centiliter | cl ; cL
dl | volume | 0.1 | volume-deciliter | dl ; dL
hl | volume | 100 | volume-hectoliter | hl
m3 | volume | 1000 | volume-cubic-meter | m³ ; m3 ; cbm ; mc ; metri cubi ; cubic metres ; cu m
dm3 | volume | 1 | | dm³ ; dm3
cm3 | volume | 0.001 | volume-cubic-centimeter | cm³ ; cm3 ; ccm ; cmc ; cu cm
mm3 | volume | 0.000001 | | mm³ ; mm3
in3 | volume | 0.016387064 | volume-cubic-inch | in³ ; in3 ; cu in ; cu. inch ; cubic in
ft3 | volume | 28.316846592 | volume-cubic-foot | ft³ ; ft3 ; cu ft ; cuft ; cu. feet ; cubic ft
yd3 | volume | 764.554857984 | volume-cubic-yard | yd³ ; yd3 ; cu yd
fl_oz | volume | 0.0295735295625 | volume-fluid-ounce | fl oz ; fl. oz. ; fluid oz ; fluid ounces ; oz fl ; oz. liq.
fl_oz_imp | volume | 0.0284130625 | volume-fluid-ounce-imperial | imp fl oz
gal | volume | 3.785411784 | volume-gallon | gal ; gals ; gallon ; gallons ; galoane
gal_imp | volume | 4.54609 | volume-gallon-imperial | imp gal ; gal imp
qt | volume | 0.946352946 | volume-quart | qt ; qts ; quarts
pt | volume | 0.473176473 | volume-pint | pt ; pts ; pints
cup | volume | 0.2365882365 | volume-cup | cup ; cups
tbsp | volume | 0.01478676478125 | volume-tablespoon | tbsp
tsp | volume | 0.00492892159375 | volume-teaspoon | tsp
bu | volume | 35.23907016688 | volume-bushel | bu
m2 | area | 1 | area-square-meter | m² ; m2 ; sqm ; sq m ; mp ; qm ; mq ; metri patrati ; square metres
cm2 | area | 0.0001 | area-square-centimeter | cm² ; cm2 ; sq cm ; cmp
mm2 | area | 0.000001 | | mm² ; mm2 ; sq mm ; mmp
km2 | area | 1000000 | area-square-kilometer | km² ; km2
ha | area | 10000 | area-hectare | ha
in2 | area | 0.00064516 | area-square-inch | in² ; in2 ; sq in ; sq. inch
ft2 | area | 0.09290304 | area-square-foot | ft² ; ft2 ; sq ft ; sqft ; sq. feet
yd2 | area | 0.83612736 | area-square-yard | yd² ; yd2 ; sq yd
acre | area | 4046.8564224 | area-acre | acre ; ac
s | duration | 1 | duration-second | s ; sec ; secs ; sek ; seg ; secunda ; secunde ; sekunden
ms | duration | 0.001 | duration-millisecond | ms ; msec ; msecs ; milisec
us | duration | 0.000001 | duration-microsecond | µs ; us ; usec
ns | duration | 0.000000001 | duration-nanosecond | ns
min | duration | 60 | duration-minute | min ; mins ; m ; minute ; minuten ; minutos
h | duration | 3600 | duration-hour | h ; hr ; hrs ; hour ; hours ; ora ; ore ; std ; stunden ; heures ; horas
d | duration | 86400 | duration-day | d ; day ; days ; zi ; zile ; tage ; jours
wk | duration | 604800 | duration-week | wk ; wks ; week ; weeks
mo | duration | 2629746 | duration-month | mo ; mth ; mths ; mos ; luna ; luni ; monate ; mois ; meses
yr | duration | 31556952 | duration-year | yr ; yrs ; year ; years ; an ; ani ; ans ; jahr ; jahre ; anos
degC | temperature | 1 + 0 | temperature-celsius | °C ; ℃ ; º C ; deg C ; degC ; degrees C ; C ; celsius
    ; grade celsius ; centigrade
degF | temperature | 0.555555555556 + -17.7777777778 | temperature-fahrenheit | °F ; ℉ ; º F ; deg F ; degF
    ; degrees F ; F ; fahrenheit
K | temperature | 1 + -273.15 | temperature-kelvin | K ; °K ; kelvin ; kelvins
W | power | 1 | power-watt | W ; watts ; wați ; wati ; vatios
kW | power | 1000 | power-kilowatt | kW
mW | power | 0.001 | power-milliwatt | mW
MW | power | 1000000 | power-megawatt | MW
hp | power | 745.699871582 | power-horsepower | hp ; bhp ; horse power
PS | power | 735.49875 | | PS ; CP ; ch ; CV ; cai putere
VA | apparent_power | 1 | | VA ; volt-ampere ; voltamperi
kVA | apparent_power | 1000 | | kVA
J | energy | 1 | energy-joule | J
kJ | energy | 1000 | energy-kilojoule | kJ
Wh | energy | 3600 | | Wh ; watt-hour ; watt-hours ; wattstunden ; watt-ora
kWh | energy | 3600000 | energy-kilowatt-hour | kWh
cal | energy | 4.184 | energy-calorie | cal
kcal | energy | 4184 | energy-kilocalorie | kcal
BTU | energy | 1055.05585262 | energy-british-thermal-unit | BTU ; BTUs
BTU_h | heat_flow | 0.29307107017 | | BTU/h ; BTU/hr ; BTUH
V | voltage | 1 | electric-volt | V ; volts ; volti ; VAC ; VDC ; V AC ; V DC ; Vdc ; Vac ; voltios
mV | voltage | 0.001 | | mV
kV | voltage | 1000 | | kV
A | current | 1 | electric-ampere | A ; amp ; amps ; amperes ; amperi
mA | current | 0.001 | electric-milliampere | mA ; milliamps
mAh | charge | 1 | | mAh ; milliamp hours
Ah | charge | 1000 | | Ah ; amp hours
Hz | frequency | 1 | frequency-hertz | Hz
kHz | frequency | 1000 | frequency-kilohertz | kHz
MHz | frequency | 1000000 | frequency-megahertz | MHz
GHz | frequency | 1000000000 | frequency-gigahertz | GHz
rpm | rotation | 1 | | rpm ; RPM ; r/min ; rev/min ; tr/min ; U/min ; rot/min ; revs per minute
    ; revolutions per minute ; rotatii pe minut ; upm ; t/min
byte | data | 1 | digital-byte | B ; bytes ; octets
kB | data | 1000 | digital-kilobyte | KB ; kB ; K ; Ko ; kbyte ; kbytes ; kilobytes
MB | data | 1000000 | digital-megabyte | MB ; M ; Mo ; mbyte ; mbytes ; meg ; megabytes
GB | data | 1000000000 | digital-gigabyte | GB ; G ; Go ; gbyte ; gbytes ; gig ; gigs ; gigabytes
TB | data | 1000000000000 | digital-terabyte | TB ; T ; To ; tbyte ; tbytes ; terabytes
PB | data | 1000000000000000 | digital-petabyte | PB
KiB | data | 1024 | | KiB
MiB | data | 1048576 | | MiB
GiB | data | 1073741824 | | GiB
TiB | data | 1099511627776 | | TiB
bit | bits | 1 | digital-bit | bit ; bits ; biți ; biti
kbit | bits | 1000 | digital-kilobit | kbit ; Kb ; kb
Mbit | bits | 1000000 | digital-megabit | Mbit ; Mb
Gbit | bits | 1000000000 | digital-gigabit | Gbit ; Gb
bit_s | data_rate | 1 | | bit/s ; bps
kbit_s | data_rate | 1000 | | kbit/s ; kbps ; kb/s ; kBit/sec
Mbit_s | data_rate | 1000000 | | Mbit/s ; Mbps ; Mb/s ; Mbit/sec ; megabits per second
Gbit_s | data_rate | 1000000000 | | Gbit/s ; Gbps ; Gb/s ; gigabits per second
MB_s | data_rate | 8000000 | | MB/s ; MBps ; MB/sec ; Mo/s
GB_s | data_rate | 8000000000 | | GB/s ; GBps ; GB/sec ; Go/s
Pa | pressure | 1 | pressure-pascal | Pa
hPa | pressure | 100 | pressure-hectopascal | hPa
kPa | pressure | 1000 | pressure-kilopascal | kPa
MPa | pressure | 1000000 | pressure-megapascal | MPa
bar | pressure | 100000 | pressure-bar | bar ; bari
mbar | pressure | 100 | pressure-millibar | mbar ; mb
psi | pressure | 6894.75729317 | pressure-pound-force-per-square-inch | psi
atm | pressure | 101325 | pressure-atmosphere | atm
mmHg | pressure | 133.322387415 | pressure-millimeter-ofhg | mmHg
m_s | speed | 1 | speed-meter-per-second | m/s ; m/sec
km_h | speed | 0.277777777778 | speed-kilometer-per-hour | km/h ; kmh ; kph ; km/ora
mph | speed | 0.44704 | speed-mile-per-hour | mph ; mi/h
kn | speed | 0.514444444444 | speed-knot | kn ; knots
deg | angle | 1 | angle-degree | ° ; º ; deg ; degs ; degrees ; grade ; grad ; grados ; degrés
rad | angle | 57.2957795131 | angle-radian | rad
arcmin | angle | 0.0166666666667 | angle-arc-minute | arcmin
rev | angle | 360 | angle-revolution | rev
cd_m2 | luminance | 1 | | cd/m² ; cd/m2 ; cd/sqm ; nit ; nits ; cd / m2 ; candela/m2 ; cd/mp ; cd per m2
    ; candelas per square meter
cd | luminous_intensity | 1 | light-candela | cd
mcd | luminous_intensity | 0.001 | | mcd
lm | luminous_flux | 1 | light-lumen | lm ; lumens ; lumeni ; ANSI lumens
lx | illuminance | 1 | light-lux | lx ; lux ; luxi
dB | sound | 1 | | dB ; dB(A) ; dBA ; decibel ; decibels ; decibeli
dBi | gain | 1 | | dBi
ohm | resistance | 1 | electric-ohm | Ω ; ohm ; ohms ; ohmi
kohm | resistance | 1000 | | kΩ ; kohm ; kohms
Mohm | resistance | 1000000 | | MΩ ; Mohm
uF | capacitance | 1 | | µF ; uF ; mfd
nF | capacitance | 0.001 | | nF
pF | capacitance | 0.000001 | | pF
N | force | 1 | force-newton | N
kN | force | 1000 | | kN
lbf | force | 4.4482216152605 | force-pound-force | lbf
Nm | torque | 1 | torque-newton-meter | Nm ; N·m ; N m
lb_ft | torque | 1.3558179483314 | torque-pound-force-foot | lb-ft ; ft-lb ; ft lbs ; lbf ft
dpi | print_resolution | 1 | graphics-dot-per-inch | dpi ; ppp
ppi | print_resolution | 1 | graphics-pixel-per-inch | ppi
px | pixels | 1 | graphics-pixel | px ; pixels ; pixeli
MP | pixels | 1000000 | graphics-megapixel | MP ; Mpx ; Mpix ; Mpixels ; megapixels ; megapixel
fps | frame_rate | 1 | | fps ; frames/s ; frames per second ; ips ; cadre/s ; bilder/s ; fotogramas por segundo
pct | fraction | 1 | concentr-percent | % ; pct ; percent ; per cent ; procente ; prozent ; pour cent
permille | fraction | 0.1 | concentr-permille | ‰
gsm | grammage | 1 | | g/m² ; g/m2 ; gsm ; gms/m2 ; gms/meter2 ; g/sqm ; g/mp ; gr/m2
l_min | flow | 1 | | l/min ; lpm ; litres/min
l_h | flow | 0.0166666666667 | | l/h ; lph ; litri/ora
m3_h | flow | 16.6666666667 | | m³/h ; m3/h ; cbm/h ; mc/h
cfm | flow | 28.316846592 | | cfm ; ft3/min ; cu ft/min
gpm | flow | 3.785411784 | | gpm
l_100km | consumption | 1 | consumption-liter-per-100-kilometer | l/100km ; l/100 km
W_kg | absorption | 1 | | W/kg
ipm | page_rate | 1 | | pages/min ; ipm ; pages per minute ; seiten/min ; pag/min
pcs | count | 1 | | pcs ; pc ; pc(s) ; pieces ; piece ; ea ; each ; units ; unit ; buc ; bucati ; bucăți
    ; bucată ; stk ; stck ; stück ; pièces ; piezas ; unidades ; unități ; uds ; ud
pair | count | 2 | | pr ; pairs ; pair
dz | count | 12 | | dz ; doz ; dozen
"""


def cldr_names(unit: str) -> dict[str, set[str]]:
    """Return the long and short names of a CLDR unit by language, without the number and its particle."""
    from babel import Locale

    found: dict[str, set[str]] = {}
    for locale in LOCALES:
        patterns = (
            Locale(locale)._data["unit_patterns"].get(unit, {})
        )  # babel has no public access to short names
        for form in ("long", "short"):
            for plural, pattern in dict(patterns.get(form, {})).items():
                if plural in ("one", "two", "few", "many", "other"):
                    name = (
                        re.sub(r"^\s*(de|d’)\s+", "", pattern.replace("{0}", "")).replace("\xa0", " ").strip()
                    )
                    if name and len(name) <= 60:
                        found.setdefault(locale, set()).add(name)
    return found


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def rows() -> tuple[list[str], list[str]]:
    """Return the VALUES rows of prod_units and of prod_unit_names."""
    units: list[str] = []
    names: list[str] = []
    for rank, row in enumerate(filter(str.strip, UNITS.replace("\n    ;", " ;").splitlines()), 1):
        code, family, factor, cldr, spellings = (
            part.strip() for part in row.split(" | " if "| |" not in row else "|")
        )
        number, _, shift = factor.partition(" + ")
        spelt = [part.strip() for part in spellings.split(" ; ")]
        units.append(
            f"({quoted(code)}, {quoted(family)}, {number}, {shift or 0}, {quoted(spelt[0])}, {rank})"
        )
        every = [("und", name) for name in dict.fromkeys([*spelt, code])]
        translated = cldr_names(cldr) if cldr else {}
        if cldr and not translated:
            raise SystemExit(f"CLDR has no unit {cldr}")
        every += [(locale, name) for locale in LOCALES for name in sorted(translated.get(locale, ()))]
        names.append(
            "  " + ", ".join(f"({quoted(code)}, {quoted(name)}, '{locale}')" for locale, name in every)
        )
    return units, names


def script() -> str:
    """Return the deploy script."""
    units, names = rows()
    return f"""-- Deploy neanelu:schema/units to pg
-- requires: schema/normalise
-- requires: functions/normalise/text
-- Units of measure and their names. Written by tools/write_units.py; names in five languages from Unicode CLDR:
-- Copyright 2004-2025 Unicode, Inc., SPDX-License-Identifier: Unicode-3.0, LICENSES/Unicode-3.0.txt.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

INSERT INTO neanelu.prod_units (code, family, factor, shift, symbol, rank) VALUES
  {("," + chr(10) + "  ").join(units)};

INSERT INTO neanelu.prod_unit_names (name_key, unit_code, name, locale, family, rank)
SELECT DISTINCT normalise.unit_key(n.name), n.code, n.name, n.locale, u.family, u.rank
  FROM (VALUES
{("," + chr(10)).join(names)}
  ) AS n (code, name, locale)
  JOIN neanelu.prod_units AS u ON u.code = n.code
 WHERE normalise.unit_key(n.name) <> '';

ANALYZE neanelu.prod_units, neanelu.prod_unit_names;

COMMIT;
"""


if __name__ == "__main__":
    text = script()
    if "--check" in sys.argv[1:]:
        sys.exit(0 if TARGET.read_text() == text else 1)
    TARGET.write_text(text)
