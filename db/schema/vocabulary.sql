-- Deploy neanelu:schema/vocabulary to pg
-- requires: schema/normalise
-- requires: functions/normalise/text
-- Words of values and of attribute names in English, Romanian, German, French and Spanish: the general language of product data,
-- written for this project. One line a concept; languages are separated by |, words by commas.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

INSERT INTO neanelu.prod_value_words (word, kind, meaning, locale)
SELECT DISTINCT ON (l.cells[1], normalise.fold(w.word)) normalise.fold(w.word), l.cells[1], coalesce(l.cells[2], ''), 'und'
  FROM (SELECT regexp_split_to_array(r.line, '\s*\|\s*') AS cells, r.n
          FROM regexp_split_to_table($words$
boolean|true|yes, y, true, on, da, ja, oui, si, sí, vrai, wahr, adevărat, verdadero, available, included, present, disponibil, inclus, vorhanden, enthalten, inbegriffen, disponible, incluido, incluida, inclus, incluse, supported, ✓, ✔, ☑, ✅, √, ●, x, enabled, activé, activée, activat, activado, aktiviert, cu, with, mit, avec, con, este, are, yep, checked
boolean|false|no, n, false, off, nu, nein, non, faux, falsch, fals, falso, not available, not included, none, without, fără, ohne, sans, sin, nicht vorhanden, nicht enthalten, indisponibil, nu este inclus, non disponible, no incluido, no disponible, not supported, ✗, ✘, ✖, ❌, ☐, ×, disabled, désactivé, dezactivat, desactivado, deaktiviert, keine, kein, aucun, aucune, ninguno, lipsă
nothing||n/a, na, n.a, n/d, nd, -, --, ---, –, —, ?, ??, unknown, unspecified, not specified, not applicable, not available, see description, see image, see pictures, does not apply, none specified, tbd, tba, null, nil, nespecificat, necunoscut, nu se aplică, nu este cazul, fără informații, unbekannt, nicht zutreffend, keine angabe, k.a, k. a, k.a., nicht bekannt, inconnu, non spécifié, non renseigné, non applicable, sans objet, n.c, desconocido, no especificado, no aplica, no aplicable, sin especificar, unbranded, no brand, fără marcă, ohne marke, sans marque, sin marca, nicht angegeben, please select, other - see description
count|1|sp, sc, one, single, mono, solo, un, una, unu, ein, eins, eine, einzel, einfach, une, simple, uno, unic
count|2|dp, dc, two, dual, double, twin, pair, duo, bi, twice, doi, două, dublu, pereche, zwei, doppel, doppelt, paar, deux, paire, doble, dos, par, couple
count|3|tp, tc, three, triple, trio, tri, triplet, trei, triplu, drei, dreifach, trois, tres
count|4|qp, qc, four, quad, quadruple, quartet, patru, cvadruplu, vier, vierfach, quatre, cuatro
count|5|five, quintuple, penta, cinci, fünf, cinq, cinco
count|6|hc, six, hexa, sextuple, șase, sechs, seis
count|7|seven, șapte, sieben, sept, siete
count|8|oc, eight, octa, octo, octuple, opt, acht, huit, ocho
count|9|nine, nouă, neun, neuf, nueve
count|10|ten, deca, zece, zehn, dix, diez
count|12|twelve, dozen, duzină, douăsprezece, zwölf, dutzend, douze, douzaine, doce, docena
count|0|zero, none, no, null, niciunul, nul
colour|black|black, negru, neagră, negre, schwarz, noir, noire, negro, negra, ebony, jet, onyx
colour|white|white, alb, albă, weiß, weiss, blanc, blanche, blanco, blanca, ivory white, snow
colour|red|red, roșu, roșie, rot, rouge, rojo, roja, crimson, scarlet, burgundy, maroon, ruby, cherry, cardinal, wine, bordeaux, vișiniu
colour|blue|blue, albastru, albastră, blau, bleu, bleue, azul, navy, bleumarin, cobalt, sapphire, azure, indigo, royal, marineblau, marine, denim, cyan
colour|green|green, verde, grün, gruen, vert, verte, lime, olive, olive green, emerald, kaki, khaki, mint, forest, teal
colour|yellow|yellow, galben, galbenă, gelb, jaune, amarillo, amarilla, canary, lemon, mustard, goldenrod
colour|orange|orange, portocaliu, portocalie, naranja, tangerine, apricot, coral
colour|brown|brown, maro, braun, brun, brune, marron, marrón, chocolate, walnut, mahogany, chestnut, kraft, bronze, coffee, mocha, espresso, oak, cherry wood, pecan
colour|grey|grey, gray, gri, grau, gris, charcoal, graphite, anthracite, anthrazit, antracit, slate, platinum, steel
colour|silver|silver, argintiu, argintie, silber, silbern, argent, argenté, plata, plateado, aluminum, aluminium, chrome, nickel, stainless
colour|gold|gold, golden, auriu, aurie, gold, golden, doré, dorée, or, dorado, oro, champagne, brass
colour|pink|pink, roz, rosa, rose, fuchsia, magenta, salmon
colour|purple|purple, violet, mov, lila, violett, pourpre, violette, morado, púrpura, lavender, lilac, plum, mauve
colour|beige|beige, bej, cream, crem, ivory, fildeș, elfenbein, ivoire, marfil, crème, crema, tan, sand, almond, buff, natural, khaki tan, manila, bone, linen, putty, natur
colour|transparent|transparent, clear, transparente, klar, durchsichtig, farblos, incolor, incoloră, transparență, clair, claro, colorless, crystal
colour|multicolour|multicolour, multicolor, multicolored, multicoloured, multi, assorted, multicoloră, mehrfarbig, bunt, multicolore, asortat, sortiert, assorti, surtido, various, rainbow, mixed
$words$, '\n') WITH ORDINALITY AS r (line, n) WHERE r.line ~ '\|') AS l
 CROSS JOIN LATERAL regexp_split_to_table(l.cells[3], '\s*,\s*') AS w (word)
 WHERE normalise.fold(w.word) <> ''
 ORDER BY l.cells[1], normalise.fold(w.word), l.n;

-- Concept and its English words, then Romanian, German, French, Spanish. German words also make compounds: Bildschirmgröße.
INSERT INTO neanelu.prod_attr_words (word, locale, concept)
SELECT DISTINCT normalise.name_key(w.word), k.locale, normalise.name_key(l.cells[1])
  FROM (SELECT regexp_split_to_array(r.line, '\s*\|\s*') AS cells
          FROM regexp_split_to_table($words$
height | height, tall | înălțime, înalt | Höhe, hoch | hauteur, haut | altura, alto, alta
width | width, wide | lățime, lat, lată | Breite, breit | largeur, large | anchura, ancho, ancha
depth | depth, deep | adâncime, adânc | Tiefe, tief | profondeur, profond | profundidad, profundo, fondo
length | length, long | lungime, lung, lungă | Länge, lang | longueur, long, longue | longitud, largo, larga
thickness | thickness, thick | grosime, gros | Dicke, Stärke, dick | épaisseur, épais | grosor, espesor, grueso
diameter | diameter | diametru | Durchmesser | diamètre | diámetro
radius | radius | rază | Radius, Halbmesser | rayon | radio
size | size, sizing | mărime, dimensiune, talie | Größe, Grösse, Groß | taille, grandeur | tamaño, talla
dimension | dimension, dimensions, measurement, measurements, measures | dimensiuni, gabarit, măsuri | Abmessung, Abmessungen, Maß, Maße, Ausmaße | dimensions, dimension, encombrement, mesures | dimensiones, dimensión, medidas
weight | weight, mass | greutate, masă | Gewicht, Masse | poids, masse | peso, masa
volume | volume | volum | Volumen, Rauminhalt, Lautstärke | volume | volumen
capacity | capacity, content, contents | capacitate, conținut | Kapazität, Fassungsvermögen, Inhalt, Füllmenge | capacité, contenance, contenu | capacidad, contenido
area | area, surface | suprafață, arie, zonă | Fläche, Oberfläche, Bereich | surface, superficie, aire, zone | superficie, área, zona
colour | color, colour, colors, colours, colouring, hue, shade, tint | culoare, culori, nuanță, ton | Farbe, Farben, Farbton, farbig, Nuance | couleur, coloris, teinte, nuance | color, colores, tono, matiz
material | material, fabric, composition, textile, cloth | material, materiale, compoziție, țesătură, material textil, stofă, textil | Material, Materialien, Werkstoff, Zusammensetzung, Stoff, Gewebe, Textil | matériau, matériaux, matière, composition, tissu, étoffe, textile | material, materiales, composición, tejido, tela, textil
brand | brand, make, trademark | marcă, brand | Marke, Markenname | marque | marca
manufacturer | manufacturer, maker, producer, vendor | producător, fabricant | Hersteller, Produzent | fabricant, constructeur, producteur | fabricante, productor
model | model | model | Modell | modèle | modelo
series | series, line, range name | serie, gamă | Serie, Baureihe, Reihe | série, gamme | serie, gama
family | family | familie | Familie | famille | familia
product | product, item, article, goods | produs, articol | Produkt, Artikel, Ware | produit, article | producto, artículo
name | name, title, designation | nume, denumire, titlu | Name, Bezeichnung, Benennung, Titel | nom, désignation, titre, dénomination | nombre, denominación, título
description | description, details, detail | descriere, detalii | Beschreibung, Details | description, détails | descripción, detalles
type | type, kind, sort, style | tip, fel, stil | Typ, Art, Ausführung, Sorte | type, genre, style | tipo, clase, estilo
category | category, class, group | categorie, clasă, grupă | Kategorie, Klasse, Gruppe | catégorie, classe, groupe | categoría, grupo
code | code, id, identifier | cod, identificator | Code, Kennung, Kode | code, identifiant | código, identificador
number | number, no, nr, num | număr, nr | Nummer, Nr, Zahl | numéro, n° | número, núm
quantity | quantity, qty, count, amount, number of, quantities | cantitate, număr de, nr de | Anzahl, Menge, Stückzahl, Zahl der | quantité, nombre, nombre de | cantidad, número de
price | price, cost | preț, cost | Preis, Kosten | prix, coût | precio, coste, costo
currency | currency | monedă, valută | Währung | devise, monnaie | moneda, divisa
warranty | warranty, guarantee | garanție | Garantie, Gewährleistung | garantie | garantía
country | country | țară | Land | pays | país
origin | origin, made in | origine, proveniență | Herkunft, Ursprung | origine, provenance | origen, procedencia
language | language, languages | limbă, limbi | Sprache, Sprachen | langue, langues | idioma, idiomas, lengua
power | power, wattage | putere | Leistung, Strom, Energie | puissance, alimentation | potencia, alimentación, energía
power consumption | power consumption, energy consumption, power usage | consum de energie, consum energetic, putere consumată | Stromverbrauch, Leistungsaufnahme, Energieverbrauch, Energiebedarf | consommation électrique, consommation d énergie, puissance consommée | consumo de energía, consumo energético, consumo eléctrico
consumption | consumption | consum | Verbrauch, Aufnahme | consommation | consumo
power supply | power supply, psu, power source | alimentare, sursă de alimentare, sursă | Netzteil, Stromversorgung, Energieversorgung, Spannungsversorgung, Stromquelle | bloc d alimentation, source d alimentation, alimentation électrique, alimentation d énergie | fuente de alimentación, alimentación eléctrica, fuente de energía
ac adapter | ac adapter, power adapter, mains adapter, adapter | adaptor, adaptor ca | Netzadapter, Adapter, Netzgerät, AC Netzadapter | adaptateur secteur, adaptateur | adaptador de corriente, adaptador
energy | energy | energie | Energie | énergie | energía
energy class | energy class, energy efficiency class, energy label, energy rating | clasă energetică, clasă de eficiență energetică, eticheta energetică | Energieeffizienzklasse, Energieklasse, Energielabel | classe énergétique, classe d efficacité énergétique, étiquette énergétique | clase energética, clase de eficiencia energética, etiqueta energética
efficiency | efficiency | eficiență, randament | Effizienz, Wirkungsgrad | efficacité, rendement | eficiencia, rendimiento
voltage | voltage | tensiune, voltaj | Spannung | tension, voltage | voltaje, tensión
current | current, amperage | curent, intensitate | Strom, Stromstärke | courant, intensité | corriente, intensidad
refresh frequency range | scan range, sync range, synchronization range, synchronisation range | | | |
frequency | frequency, frequencies | frecvență | Frequenz, Taktfrequenz, Taktrate, Takt | fréquence | frecuencia
refresh frequency | refresh rate, scan rate, refresh | rată de reîmprospătare, rată refresh | Bildwiederholfrequenz, Bildwiederholrate, Aktualisierungsrate, Wiederholfrequenz | taux de rafraîchissement, fréquence de rafraîchissement | frecuencia de actualización, tasa de refresco, tasa de actualización
rate | rate | rată | Rate | taux, débit, cadence | tasa, índice
frame rate | frame rate, fps, framerate | cadre pe secundă, rată de cadre | Bildfrequenz, Bildrate, Bilder pro Sekunde | images par seconde, cadence, cadence d images, fréquence d image | fotogramas por segundo, velocidad de fotogramas, velocidad de cuadro
speed | speed, velocity | viteză | Geschwindigkeit, Drehzahl | vitesse, rapidité | velocidad
rotation | rotation, rotational, rpm, spin, spindle | rotație, turație, centrifugare | Drehzahl, Umdrehung, Rotation, Schleuder | rotation, essorage, tours | rotación, giro, centrifugado
time | time, duration, period | timp, durată, perioadă | Zeit, Dauer, Zeitraum, Laufzeit | temps, durée, période, délai | tiempo, duración, período
response time | response time, reaction time, pixel response, response | timp de răspuns | Reaktionszeit, Antwortzeit, Ansprechzeit | temps de réponse, temps de réaction | tiempo de respuesta
date | date | data, dată | Datum | date | fecha
year | year | an | Jahr | année, an | año
age | age | vârstă | Alter | âge | edad
temperature | temperature | temperatură | Temperatur | température | temperatura
humidity | humidity | umiditate | Feuchtigkeit, Luftfeuchtigkeit, Feuchte | humidité, hygrométrie, taux d humidité | humedad
relative | relative | relativă | relative | relative | relativa
altitude | altitude, elevation | altitudine | Höhenlage, Höhe über Meeresspiegel | altitude | altitud
pressure | pressure | presiune | Druck | pression | presión
noise | noise, sound level, noise level, acoustic | zgomot, nivel de zgomot | Geräusch, Geräuschpegel, Lautstärke, Geräuschentwicklung, Lärm | bruit, niveau sonore, niveau de bruit | ruido, nivel de ruido, nivel sonoro
sound | sound, audio | sunet, audio | Ton, Klang, Audio, Sound | son, audio, sonore | sonido, audio
level | level | nivel | Niveau, Stufe, Pegel, Füllstand | niveau | nivel
display | display, screen, monitor, lcd panel | ecran, display, afișaj, monitor | Bildschirm, Display, Anzeige, Monitor | écran, affichage, afficheur, moniteur | pantalla, visualizador, monitor
diagonal | diagonal, viewable size, viewable | diagonală | Diagonale, Bildschirmdiagonale | diagonale | diagonal
panel | panel | panou | Panel, Paneel | panneau, dalle | panel
resolution | resolution, video mode, video modes, pixels, display format, scan format, pixel format, native resolution | rezoluție | Auflösung, Video Modi, Videomodi | résolution, définition | resolución
aspect ratio | aspect ratio, image ratio | raport de aspect, format imagine | Seitenverhältnis, Bildseitenverhältnis, Bildformat | rapport d aspect, format d image, ratio d aspect, rapport largeur hauteur | relación de aspecto, proporción de aspecto
ratio | ratio | raport | Verhältnis | rapport, ratio | relación, proporción
contrast | contrast | contrast | Kontrast | contraste | contraste
brightness | brightness, luminance, luminosity | luminozitate, strălucire | Helligkeit, Leuchtdichte, Leuchtkraft | luminosité, luminance, brillance | brillo, luminosidad, luminancia
illumination | illumination, lighting, light, illuminated | iluminare, lumină | Beleuchtung, Licht, beleuchtet | éclairage, lumière, éclairé | iluminación, luz, iluminado
backlight | backlight, backlit | iluminare de fundal, retroiluminare | Hintergrundbeleuchtung | rétroéclairage, rétro éclairage | retroiluminación
viewing angle | viewing angle, view angle, visibility angle, angle of view | unghi de vizualizare, unghi de vedere | Betrachtungswinkel, Blickwinkel, Sichtwinkel | angle de vue, angle de vision, angle de visualisation | ángulo de visión, ángulo de visualización
angle | angle | unghi | Winkel | angle | ángulo
horizontal | horizontal, horizontally | orizontal, orizontală | horizontal, horizontale | horizontal, horizontale | horizontal
vertical | vertical, vertically | vertical, verticală | vertikal, vertikale | vertical, verticale | vertical
analog | analog, analogue | analog, analogic | analog | analogique | analógico, analógica
digital | digital | digital, digitală | digital | numérique, digital | digital
dynamic | dynamic, advanced | dinamic | dynamisch | dynamique | dinámico, dinámica
typical | typical, standard, static, typ | tipic, standard | typisch, Standard | typique, standard, norme | típico, estándar
standard | standards, norm | standarde, normă | Standards, Norm, Normen | normes, standards | estándares, norma, normas
maximum | maximum, max, maximal, highest, up to | maxim, maximă, max | maximal, Maximum, max, höchste | maximum, maximal, maximale, max | máximo, máxima, máx
minimum | minimum, min, minimal, lowest | minim, minimă, min | minimal, Minimum, mindest, min | minimum, minimal, minimale, min | mínimo, mínima, mín
average | average, mean | mediu, medie | durchschnittlich, Durchschnitt, mittlere | moyen, moyenne | medio, media, promedio
nominal | nominal, rated, rating | nominal, nominală | Nenn, nominal, Bemessung | nominal, nominale | nominal
total | total, overall, gross, sum, entire | total, totală, brut | gesamt, Gesamt, insgesamt, brutto | total, totale, brut | total, bruto
net | net | net, netă | netto, Netto | net, nette | neto, neta
range | range, span | interval, gamă, plajă, rază de acțiune | Bereich, Spanne, Reichweite | plage, gamme, intervalle, portée | rango, intervalo, alcance
image | image, picture, photo, frame | imagine, poză, fotografie | Bild, Foto | image, photo | imagen, foto
video | video, movie | video | Video, Film | vidéo, film | vídeo, video
camera | camera, cam, webcam | cameră | Kamera | caméra, appareil photo | cámara
lens | lens | obiectiv, lentilă | Objektiv, Linse | objectif, lentille | objetivo, lente
flash | flash | bliț, flash | Blitz, Flash | flash | flash
focus | focus | focalizare | Fokus | mise au point, focus | enfoque
autofocus | autofocus, auto focus | autofocus | Autofokus | autofocus, mise au point automatique | autoenfoque, enfoque automático
focal length | focal length | distanță focală | Brennweite | longueur focale, distance focale, focale | distancia focal, longitud focal
aperture | aperture, f number | diafragmă, apertură | Blende, Blendenzahl, Blendenöffnung | ouverture, numéro d ouverture | apertura, abertura
zoom | zoom | zoom | Zoom | zoom | zoom
exposure | exposure | expunere | Belichtung | exposition | exposición
shutter | shutter | obturator, declanșator | Verschluss, Auslöser | obturateur, déclencheur | obturador, disparador
sensor | sensor, detector | senzor, detector | Sensor, Detektor | capteur, détecteur | sensor, detector
detection | detection | detecție, detectare | Erkennung, Detektion | détection | detección
recognition | recognition | recunoaștere | Erkennung | reconnaissance | reconocimiento
face | face | față | Gesicht | visage | cara, facial, rostro
smile | smile | zâmbet | Lächeln | sourire | sonrisa
recording | recording, record, capture | înregistrare | Aufnahme, Aufzeichnung | enregistrement, capture | grabación
playback | playback, play | redare | Wiedergabe | lecture, restitution | reproducción
format | format, formats | format, formate | Format, Formate | format, formats | formato, formatos
form factor | form factor | factor de formă | Formfaktor, Bauform | facteur de forme, élément de format, facteur d encombrement, format boîtier | factor de forma
mode | mode, modes | mod, moduri | Modus, Modi, Betriebsart | mode, modes | modo, modos
program | program, programs, programme, cycle | program, programe | Programm, Programme | programme, programmes | programa, programas
function | function, functions, functionality, feature, features | funcție, funcții, funcționalitate, caracteristici | Funktion, Funktionen, Eigenschaft, Merkmal | fonction, fonctions, fonctionnalité, caractéristique | función, funciones, característica, características
memory | memory, ram | memorie, ram | Speicher, Arbeitsspeicher, RAM | mémoire, ram, mémoire vive | memoria, ram
internal memory | internal memory, system memory | memorie internă | interner Speicher, Arbeitsspeicher | mémoire interne | memoria interna
storage | storage, store | stocare, depozitare | Speicherung, Lagerung, Speicherplatz, Aufbewahrung, Lager | stockage, rangement | almacenamiento, almacenaje
storage capacity | storage capacity | capacitate de stocare | Speicherkapazität | capacité de stockage | capacidad de almacenamiento
hard drive | hard drive, hard disk, hdd, hard disk drive | hard disk, hdd | Festplatte, HDD, Festplattenlaufwerk | disque dur, hdd | disco duro, unidad de disco duro
drive | drive, disk, disc | unitate, disc | Laufwerk, Platte, Disk | lecteur, disque | unidad, disco
ssd | ssd, solid state drive | ssd | SSD | ssd | ssd
optical drive | optical drive | unitate optică | optisches Laufwerk | lecteur optique, lecteur de disque optique | unidad óptica, unidad de disco óptico
memory card | memory card, storage media, flash card | card de memorie, carduri de memorie | Speicherkarte, Speicherkarten | carte mémoire, cartes mémoire | tarjeta de memoria, tarjetas de memoria
card | card, cards | card, placă, carduri | Karte, Karten | carte, cartes | tarjeta, tarjetas
reader | reader | cititor | Leser, Lesegerät | lecteur | lector
slot | slot, slots | slot, sloturi | Steckplatz, Steckplätze, Schacht | emplacement, logement, fente | ranura, ranuras
processor | processor, cpu | procesor, cpu | Prozessor, CPU | processeur | procesador
coprocessor | coprocessor | coprocesor | Coprozessor, Co Prozessor | coprocesseur | coprocesador
core | core, cores | nucleu, nuclee | Kern, Kerne, Prozessorkerne | cœur, cœurs, coeur, coeurs | núcleo, núcleos
thread | thread, threads, screw thread, thread pitch | fir de execuție, fire, filet, pas filet | Thread, Threads, Gewinde, Faden | thread, threads, filetage | hilo, hilos, subproceso, rosca
cache | cache | cache | Cache, Zwischenspeicher | cache, mémoire cache | caché
socket | socket | soclu, priză | Sockel, Steckdose | socket, prise, support | zócalo, toma, enchufe
chipset | chipset | chipset | Chipsatz | jeu de puces, chipset | chipset, conjunto de chips
graphics | graphics, gpu, graphic | grafică, gpu, placă video | Grafik, GPU | graphique, graphisme, gpu, graphiques | gráficos, gráfica, gpu, gráfico
graphics card | graphics card, video card, graphics adapter | placă video, placă grafică | Grafikkarte, Grafikadapter | carte graphique, adaptateur graphique | tarjeta gráfica, adaptador gráfico
motherboard | motherboard, mainboard | placă de bază | Hauptplatine, Mainboard | carte mère | placa base, placa madre
operating system | operating system, os | sistem de operare | Betriebssystem | système d exploitation | sistema operativo
system | system | sistem | System | système | sistema
software | software | software, program | Software | logiciel, logiciels | software, programas
application | application, applications, app, apps, use, usage, purpose, intended use | aplicație, aplicații, utilizare, destinație, folosire, întrebuințare | Anwendung, Anwendungen, Verwendung, Einsatz, Verwendungszweck, Gebrauch, Nutzung, Einsatzzweck | application, applications, utilisation, usage, emploi | aplicación, aplicaciones, uso, utilización, empleo
version | version, revision, edition, release | versiune, ediție | Version, Ausgabe, Fassung, Auflage | version, édition, révision | versión, edición
generation | generation | generație | Generation | génération | generación
architecture | architecture | arhitectură | Architektur | architecture | arquitectura
technology | technology, technologies | tehnologie, tehnologii | Technologie, Technik, Technologien | technologie, technique, technologies | tecnología, tecnologías
network | network, networking, lan | rețea | Netzwerk, Netz, LAN | réseau, réseaux | red, redes
ethernet | ethernet, ethernet lan, rj45, rj 45 | ethernet | Ethernet, Ethernet LAN | ethernet, ethernet lan | ethernet
wifi | wi fi, wifi, wlan, wireless lan, wireless network | wi fi, wifi | WLAN, Wi Fi, WiFi, Drahtlosnetzwerk | wi fi, wifi, réseau sans fil | wi fi, wifi, red inalámbrica
wireless | wireless, cordless | fără fir, wireless | drahtlos, kabellos, schnurlos, Funk | sans fil | inalámbrico, inalámbrica, sin cable
wired | wired, corded | cu fir | kabelgebunden | filaire | con cable, alámbrico
bluetooth | bluetooth | bluetooth | Bluetooth | bluetooth | bluetooth
connectivity | connectivity, connection, connections, link | conectivitate, conexiune, conexiuni, conectare | Konnektivität, Verbindung, Anschluss, Verbindungen | connectivité, connexion, connexions, liaison | conectividad, conexión, conexiones, enlace
connector | connector, connectors, plug, jack, terminal | conector, conectori, mufă, conectoare, jack | Stecker, Anschlüsse, Steckverbinder, Konnektor, Buchse, Klinke | connecteur, connecteurs, prise, fiche, jack | conector, conectores, clavija, toma, jack
port | port, ports | port, porturi | Port, Ports, Schnittstelle, Anschluss, Anschlüsse, Eingang | port, ports | puerto, puertos
interface | interface, interfaces | interfață, interfețe | Schnittstelle, Schnittstellen, Interface | interface, interfaces | interfaz, interfaces
input | input, inputs, in, incoming | intrare, intrări | Eingang, Eingänge, Eingabe | entrée, entrées | entrada, entradas
output | output, outputs, out, outgoing | ieșire, ieșiri | Ausgang, Ausgänge, Ausgabe | sortie, sorties | salida, salidas
usb | usb | usb | USB | usb | usb
hdmi | hdmi | hdmi | HDMI | hdmi | hdmi
displayport | displayport, display port, dp | displayport | DisplayPort | displayport | displayport
minidisplayport | mini displayport, minidisplayport, mini display port | mini displayport | Mini DisplayPort | mini displayport | mini displayport
dvi d | dvi d, dvid | dvi d | DVI D | dvi d | dvi d
vga | vga, d sub, dsub, 15 pin d sub | vga, d sub | VGA, D Sub | vga, d sub | vga, d sub
headphone | headphone, headphones, headset, earphone, earphones | căști, cască | Kopfhörer, Headset | casque, écouteurs, casque audio | auriculares, auricular, cascos
microphone | microphone, mic | microfon | Mikrofon, Mikrophon | microphone, micro | micrófono
speaker | speaker, speakers, loudspeaker, loudspeakers | difuzor, difuzoare, boxe | Lautsprecher | haut parleur, haut parleurs, hautparleur, enceinte, enceintes | altavoz, altavoces, parlante
channel | channel, channels | canal, canale | Kanal, Kanäle | canal, canaux | canal, canales
radio | radio, tuner | radio, tuner | Radio, Tuner, Rundfunk | radio, tuner, syntoniseur | radio, sintonizador
tv | tv, television | tv, televizor, televiziune | TV, Fernseher, Fernsehen | tv, télévision, téléviseur | tv, televisión, televisor
antenna | antenna, aerial | antenă | Antenne, Antennen | antenne, antennes | antena, antenas
cable | cable, cables, cord, lead | cablu, cabluri | Kabel, Leitung | câble, câbles, cordon, fil | cable, cables, cordón
remote control | remote control, remote | telecomandă | Fernbedienung | télécommande | mando a distancia, control remoto
control | control, controls, controller | control, comandă, controler, comenzi | Steuerung, Bedienung, Regelung, Kontrolle | contrôle, commande, commandes, contrôleur | control, controles, mando, controlador
button | button, buttons, key, keys | buton, butoane, taste, tastă | Taste, Tasten, Knopf, Knöpfe | bouton, boutons, touche, touches | botón, botones, tecla, teclas
keyboard | keyboard | tastatură | Tastatur | clavier | teclado
layout | layout | dispunere, aranjament, layout | Layout, Anordnung | disposition, agencement | disposición, distribución
mouse | mouse | mouse | Maus | souris | ratón
pointing device | pointing device | dispozitiv de indicare | Zeigegerät | dispositif de pointage, périphérique de pointage | dispositivo señalador, dispositivo apuntador
touch | touch, touchscreen, touch screen | tactil, ecran tactil, atingere | Touch, Touchscreen, Berührung | tactile, écran tactile, toucher | táctil, pantalla táctil, toque
switch | switch, on off, on off switch | comutator, întrerupător | Schalter, Ein Ausschalter, Netzschalter | interrupteur, commutateur, marche arrêt, bouton marche arrêt | interruptor, conmutador, encendido apagado
battery | battery, batteries, accumulator, accu | baterie, acumulator, baterii | Batterie, Akku, Batterien, Akkumulator | batterie, pile, piles, accumulateur, batteries | batería, pila, pilas, baterías
battery life | battery life, battery runtime, runtime, autonomy, run time | autonomie, durată baterie, durata bateriei | Akkulaufzeit, Batterielaufzeit, Betriebszeit, Laufzeit | autonomie, autonomie de la batterie, durée de vie de la batterie | autonomía, duración de la batería, vida de la batería
charging | charging, charge, charger, recharge | încărcare, încărcător | Laden, Aufladen, Ladung, Ladegerät, Lade | charge, chargement, recharge, chargeur | carga, recarga, cargador
rechargeable | rechargeable | reîncărcabil | wiederaufladbar | rechargeable | recargable
standby | standby, stand by, idle | standby, așteptare, în așteptare | Standby, Bereitschaft, Ruhezustand | veille, attente, standby | espera, en espera, reposo, standby
operating | operating, operation, operational, working, in operation, work | funcționare, operare, de lucru, lucru | Betrieb, Betriebs, Arbeits, Arbeit | fonctionnement, opération, opérationnel, exploitation, travail, de travail | funcionamiento, operación, operativo, operativa, trabajo, de trabajo
non operating | non operating, nonoperating, non operational | nefuncționare, nefuncțional | Nichtbetrieb, außer Betrieb, Ruhe | hors fonctionnement, non opérationnel, à l arrêt | no operativo, en reposo, fuera de funcionamiento
life | life, lifetime, lifespan, service life, longevity | durată de viață, viață | Lebensdauer, Leben, Nutzungsdauer | durée de vie, vie, longévité | vida, vida útil, duración de vida
talk time | talk time, talking time | timp de convorbire | Sprechzeit, Gesprächszeit | temps de conversation, autonomie en conversation, temps de parole | tiempo de conversación
call | call, calls, calling | apel, apeluri | Anruf, Anrufe, Ruf | appel, appels | llamada, llamadas
waiting | waiting | așteptare | warten, Anklopfen | attente | espera
message | message, messages, messaging, sms | mesaj, mesaje, mesagerie | Nachricht, Nachrichten, Messaging | message, messages, messagerie | mensaje, mensajes, mensajería
email | e mail, email, mail | e mail, email | E Mail, Email, Mail | e mail, email, courriel, messagerie électronique | correo electrónico, e mail, email
instant | instant | instant, instantanee | Sofort, Instant | instantané, instantanée, instantanées | instantáneo, instantánea
contact | contact, contacts | contact, contacte | Kontakt, Kontakte | contact, contacts | contacto, contactos
phone | phone, telephone, mobile, smartphone, cell phone | telefon, mobil | Telefon, Handy, Mobiltelefon, Mobil | téléphone, portable, mobile, smartphone | teléfono, móvil
sim card | sim card, sim | cartelă sim, sim, card sim | SIM Karte, SIM | carte sim, sim | tarjeta sim, sim
band | band, bands, bandwidth | bandă, benzi | Band, Bänder, Bandbreite, Bandbreiten | bande, bandes, bande passante | banda, bandas, ancho de banda
data | data | date | Daten | données | datos
transfer | transfer, transmission, transmit | transfer, transmisie | Übertragung, Transfer | transfert, transmission | transferencia, transmisión
data transfer rate | data transfer rate, data rate, transfer rate, transfer speed, bit rate | rată de transfer, viteză de transfer | Datenübertragungsrate, Übertragungsrate, Datenrate, Übertragungsgeschwindigkeit | taux de transfert, débit de transfert, vitesse de transfert, débit de données, taux de transfert des données | velocidad de transferencia, velocidad de transferencia de datos, tasa de transferencia
download | download | descărcare | Download, Herunterladen | téléchargement | descarga
internet | internet, web, online | internet | Internet, Web | internet, web | internet, web
browsing | browsing, surfing, browser | navigare | Browsing, Surfen, Browser | navigation, navigateur, surf | navegación, navegador
navigation | navigation, gps, positioning, position, location | navigație, poziționare, poziție, locație, gps | Navigation, Positionierung, Position, GPS, Lage, Ortung | navigation, positionnement, position, localisation, gps, emplacement | navegación, posicionamiento, posición, ubicación, gps, localización
geotagging | geotagging, geo tagging | geoetichetare | Geotagging, Geolokalisation | géolocalisation, géomarquage, géotag | geoetiquetado, geolocalización, etiquetado geográfico
protocol | protocol, protocols | protocol, protocoale | Protokoll, Protokolle | protocole, protocoles | protocolo, protocolos
security | security | securitate, siguranță | Sicherheit | sécurité | seguridad
protection | protection, protective, protected | protecție, protejat | Schutz, geschützt | protection, protégé | protección, protegido
ip rating | ip rating, ip code, protection class, degree of protection | grad de protecție, clasă de protecție | Schutzart, Schutzklasse, IP Schutzart | indice de protection, indice ip, degré de protection, code ip | grado de protección, código ip, índice de protección, clasificación ip
password | password | parolă | Passwort, Kennwort | mot de passe | contraseña
encryption | encryption | criptare | Verschlüsselung | cryptage, chiffrement | cifrado, encriptación
fingerprint | fingerprint | amprentă | Fingerabdruck | empreinte digitale, empreinte | huella dactilar, huella
lock | lock, locking | blocare, încuietoare, închidere | Schloss, Sperre, Verriegelung | verrou, verrouillage, serrure, blocage | bloqueo, cerradura, cierre
certification | certification, certificate, certificates, certifications, approval, approvals, regulatory | certificare, certificat, certificate, certificări | Zertifizierung, Zertifikat, Zertifikate, Zulassung, Prüfzeichen | certification, certificat, certificats, homologation | certificación, certificado, certificados, homologación
compliance | compliance, compliant, conformity | conformitate | Konformität, Einhaltung | conformité, conforme | conformidad, cumplimiento
compatibility | compatibility, compatible, compatible with | compatibilitate, compatibil, compatibile | Kompatibilität, kompatibel, kompatible | compatibilité, compatible, compatibles | compatibilidad, compatible, compatibles
support | support, supported, supports | suport, suportat, acceptat, suportate, asistență | Unterstützung, unterstützt, unterstützte, Support | prise en charge, pris en charge, prises en charge, supporté, supportés, supportées, support, soutien | compatible con, soportado, soportados, soporte, admitido, admitidos, compatibilidad con, apoyo
included | included, includes, supplied, bundled, inclusive | inclus, incluse, inclusă | enthalten, mitgeliefert, mitgelieferte, inklusive, im Lieferumfang, inbegriffen | inclus, incluse, inclus, fourni, fournis, fournie, livré, inclues | incluido, incluida, incluidos, incluidas, suministrado
built in | built in, integrated, onboard, embedded | încorporat, integrat, încorporată, integrată | eingebaut, eingebaute, integriert, integrierte, Einbau | intégré, intégrée, intégrés, incorporé, encastré, encastrable | incorporado, incorporada, integrado, integrada, incorporados, empotrable
external | external, outer, outside, exterior | extern, externă, exterior | extern, externe, außen, äußere, Außen | externe, extérieur, extérieure | externo, externa, exterior
internal | internal, inner, inside, interior | intern, internă, interior | intern, interne, innen, innere, Innen, interner | interne, intérieur, intérieure | interno, interna, interior
front | front | față, frontal, frontală | vorne, Vorder, Front, vordere, vorderseite | avant, frontal, frontale, façade | frontal, delantero, delantera
rear | rear, back | spate, posterior | hinten, Rück, hintere, Rückseite, rückseitig | arrière, dos | trasero, trasera, posterior, espalda
main | main, primary, principal | principal, principală | Haupt, primär, wichtigste | principal, principale, primaire | principal, primario, primaria
second | second, secondary, additional, extra, other, sub | secundar, secundară, suplimentar, alte, alt | zweite, sekundär, zusätzlich, weitere, andere, sonstige, Neben | second, secondaire, supplémentaire, autre, autres, deuxième, additionnel | segundo, segunda, secundario, secundaria, adicional, otro, otros
upper | upper, top | superior, sus | obere, oben, Ober | supérieur, haut, dessus | superior, arriba
lower | lower, bottom | inferior, jos | untere, unten, Unter, Boden | inférieur, bas, dessous, fond | inferior, abajo, fondo
left | left | stânga | links, linke | gauche | izquierda, izquierdo
right | right | dreapta | rechts, rechte | droite, droit | derecha, derecho
side | side | lateral, parte | Seite, seitlich, Seiten | côté, latéral, face | lado, lateral
package | package, packaging, packing, pack, box, carton, shipping, boxed | ambalaj, pachet, cutie, colet, ambalare | Verpackung, Paket, Packung, Karton, Versand, Verpackungs | emballage, paquet, colis, boîte, carton, conditionnement, expédition | embalaje, paquete, caja, envase, envío
pallet | pallet | palet | Palette | palette | palé, palet, paleta
layer | layer, layers | strat, straturi | Lage, Schicht, Lagen | couche, couches | capa, capas
stand | stand, base, foot, pedestal, with stand | stativ, suport, picior, bază | Standfuß, Ständer, Fuß, Sockel | pied, socle, support, base | soporte, base, pie, peana
mount | mount, mounting, vesa mount, bracket, vesa mounting, vesa | montare, montaj, suport, prindere, fixare | Montage, Halterung, Befestigung, VESA Halterung | montage, fixation, support de montage, support mural, fixation vesa | montaje, soporte, fijación, montura, montaje vesa
wall | wall | perete, mural | Wand | mur, mural, murale | pared, mural
ceiling | ceiling | tavan | Decke | plafond | techo
floor | floor | podea, pardoseală | Boden, Fußboden | sol, plancher | suelo, piso
door | door, doors | ușă, uși | Tür, Türen | porte, portes | puerta, puertas
drawer | drawer, drawers | sertar, sertare | Schublade, Schubladen | tiroir, tiroirs | cajón, cajones
shelf | shelf, shelves | raft, rafturi | Regal, Regalboden, Fachboden, Einlegeboden | étagère, étagères, tablette, clayette | estante, estantes, balda
handle | handle, handles, grip | mâner, mânere | Griff, Griffe, Henkel | poignée, poignées, manche | asa, mango, manija, tirador
wheel | wheel, wheels | roată, roți | Rad, Räder, Rollen | roue, roues, roulette, roulettes | rueda, ruedas
leg | leg, legs | picior, picioare | Bein, Beine | pied, pieds, jambe | pata, patas, pierna
seat | seat, seating, chair, armchair, seats | scaun, șezut, fotoliu, locuri, loc | Sitz, Stuhl, Sessel, Sitzplatz, Sitzplätze | siège, assise, chaise, fauteuil, places assises | asiento, silla, sillón, plazas, asientos
table | table, desk | masă, birou | Tisch, Schreibtisch | table, bureau | mesa, escritorio
bed | bed | pat | Bett | lit | cama
cover | cover, covering, lid, case, housing, enclosure, casing, chassis | capac, husă, carcasă, acoperire | Abdeckung, Deckel, Hülle, Gehäuse, Bezug | couvercle, housse, boîtier, revêtement, coque, couverture, châssis | cubierta, tapa, funda, carcasa, caja, chasis
finish | finish, coating, surface finish, surface treatment, coated | finisaj, strat de acoperire, finisare, înveliș | Oberflächenbehandlung, Beschichtung, Oberfläche, Finish, Belag, beschichtet | finition, revêtement, traitement de surface, enduit | acabado, revestimiento, recubrimiento
pattern | pattern, print, design | model, imprimeu, design | Muster, Design | motif, imprimé, design, conception | patrón, estampado, diseño
shape | shape, form | formă | Form, Gestalt | forme | forma
texture | texture | textură | Struktur, Textur | texture | textura
edge | edge, bezel, border | margine, ramă, cant | Kante, Rand, Rahmen | bord, bordure, arête, cadre | borde, marco, canto
head | head, heads | cap, capete | Kopf, Köpfe | tête, têtes | cabeza, cabezal, cabezales
body | body | corp | Körper, Gehäuse, Korpus | corps, boîtier | cuerpo
hand | hand, handheld, hand held | mână | Hand | main | mano
sleeve | sleeve, sleeves | mânecă, mâneci | Ärmel | manche, manches | manga, mangas
collar | collar, neckline, neck | guler, decolteu, gât, guler la gât | Kragen, Ausschnitt, Hals, Halsausschnitt | col, encolure, cou, décolleté | cuello, escote
gender | gender, sex, target group, target gender | gen, sex | Geschlecht, Zielgruppe | sexe, genre | género, sexo
season | season | sezon, anotimp | Saison, Jahreszeit | saison | temporada, estación, estación del año, época
closure | closure, fastening | închidere, sistem de închidere | Verschluss, Schließung | fermeture | cierre
heel | heel | toc | Absatz | talon | tacón
sole | sole | talpă | Sohle | semelle | suela
upper material | upper material, outer material, outer fabric, exterior material | material exterior | Obermaterial, Außenmaterial | tige, dessus, matière extérieure | material exterior, empeine
lining | lining | căptușeală | Futter | doublure | forro
waist | waist | talie | Taille, Bund | taille, ceinture | cintura
washing | washing, wash, laundry | spălare, rufe | Wasch, Waschen, Wäsche, Wasch | lavage, linge | lavado, colada
drying | drying, dryer | uscare, uscător | Trocknen, Trockner | séchage, sèche linge | secado, secadora
cleaning | cleaning | curățare | Reinigung | nettoyage | limpieza
cooking | cooking, cook | gătit, gătire | Kochen, Koch, Garen | cuisson, cuisine | cocción, cocina
oven | oven | cuptor | Ofen, Backofen | four | horno
hob | hob, cooktop, stove, burner, burners, cooking zone, cooking zones | plită, arzătoare, arzător | Kochfeld, Herd, Brenner, Kochzone, Kochzonen | plaque de cuisson, brûleur, foyers, table de cuisson, foyer | placa de cocina, quemador, fogón, encimera, zona de cocción
grill | grill | grătar, grill | Grill | gril, grill | parrilla, grill
refrigerator | refrigerator, fridge | frigider | Kühlschrank, Kühlteil | réfrigérateur | frigorífico, nevera, refrigerador
freezer | freezer, freezing | congelator, congelare | Gefrierschrank, Gefrierteil, Gefrier, Gefrieren | congélateur, congélation | congelador, congelación
cooling | cooling, cooler, fan, ventilation | răcire, ventilator, ventilare | Kühlung, Kühler, Lüfter, Lüftung, Kühl | refroidissement, ventilateur, ventilation | refrigeración, ventilador, ventilación, enfriamiento
heating | heating, heater, heat, thermal | încălzire, căldură, termic, termică | Heizung, Heiz, Wärme, thermisch, Thermo | chauffage, chaleur, thermique | calefacción, calor, térmico, calentamiento, térmica
air | air, airflow | aer | Luft | air | aire
water | water | apă | Wasser | eau | agua
waterproof | waterproof, water resistant, water proof, water resistance | rezistent la apă, impermeabil, rezistență la apă | wasserdicht, wasserfest, Wasserdichtigkeit, Wasserbeständigkeit, wasserabweisend | étanche, imperméable, étanchéité, résistant à l eau, résistance à l eau | resistente al agua, impermeable, sumergible, resistencia al agua, estanqueidad
dust | dust | praf | Staub | poussière | polvo
resistance | resistance, resistant, proof, strength | rezistență, rezistent | Widerstand, Beständigkeit, fest, beständig | résistance, résistant, solidité | resistencia, resistente
filter | filter | filtru | Filter | filtre | filtro
tank | tank, reservoir, container | rezervor, recipient | Tank, Behälter | réservoir, bac, récipient | depósito, tanque, recipiente
bag | bag, pouch | sac, geantă, pungă | Tasche, Beutel, Sack | sac, pochette, sacoche | bolsa, saco
bottle | bottle | sticlă | Flasche | bouteille | botella
glass | glass | sticlă, pahar | Glas | verre | vidrio, vaso, cristal
metal | metal | metal | Metall | métal | metal
steel | steel, stainless steel | oțel, inox | Stahl, Edelstahl | acier, inox, acier inoxydable | acero, acero inoxidable
wood | wood, wooden | lemn | Holz | bois | madera
plastic | plastic | plastic | Kunststoff, Plastik | plastique | plástico
leather | leather | piele | Leder | cuir | cuero, piel
cotton | cotton | bumbac | Baumwolle | coton | algodón
paper | paper, sheet, sheets, media, linen, bedding | hârtie, foaie, coli, cearșaf, lenjerie, lenjerie de pat | Papier, Blatt, Medien, Bogen, Laken, Bettlaken, Bettwäsche | papier, feuille, feuilles, support d impression, drap, draps, literie | papel, hoja, hojas, sábana, sábanas
print | print, printing, printer | imprimare, tipărire, imprimantă | Druck, Drucken, Drucker | impression, imprimante, imprimer | impresión, imprimir, impresora
print technology | print technology | tehnologie de imprimare | Drucktechnologie | technologie d impression | tecnología de impresión
printing colour | printing colour, printing colours, print colours | culori de imprimare | Druckfarben | couleurs d impression | colores de impresión
scan | scan, scanning, scanner | scanare, scaner | Scan, Scannen, Scanner | numérisation, scanner, scan, balayage | escaneo, escáner, escanear, barrido
copy | copy, copying, copier, copies | copiere, copie, copii | Kopie, Kopieren, Kopien, Kopierer | copie, copies, copieur | copia, copias, copiadora
fax | fax | fax | Fax | télécopie, fax | fax
page | page, pages | pagină, pagini | Seite, Seiten | page, pages | página, páginas
cartridge | cartridge, cartridges | cartuș, cartușe | Patrone, Patronen, Kartusche | cartouche, cartouches | cartucho, cartuchos
ink | ink | cerneală | Tinte | encre | tinta
toner | toner | toner | Toner | toner, encre toner | tóner
duplex | duplex, two sided, double sided | duplex, față verso | Duplex, beidseitig, doppelseitig | recto verso, duplex | dúplex, doble cara
tray | tray | tavă | Fach, Schacht, Ablage, Tablett | bac, plateau | bandeja
feeder | feeder, adf | alimentator | Einzug, Zufuhr | chargeur, alimentateur | alimentador
duty cycle | duty cycle | ciclu de lucru | Arbeitszyklus, Druckvolumen | cycle de travail, rapport cyclique, cycle d utilisation | ciclo de trabajo
margin | margin, margins | margine, margini | Rand, Ränder | marge, marges | margen, márgenes
font | font, fonts | font, fonturi | Schriftart, Schriftarten | police, polices | fuente, fuentes
emulation | emulation | emulare | Emulation | émulation | emulación
driver | driver, drivers | driver, drivere | Treiber | pilote, pilotes | controlador, controladores
server | server | server | Server | serveur | servidor
rack | rack | rack | Rack | rack, baie | rack, bastidor
raid | raid | raid | RAID | raid | raid
module | module, modules | modul, module | Modul, Module | module, modules | módulo, módulos
bus | bus | magistrală, bus | Bus | bus | bus
clock | clock, watch | ceas | Uhr, Takt, Armbanduhr | horloge, montre | reloj
alarm | alarm, alarm clock | alarmă | Alarm, Wecker | alarme, réveil | alarma, despertador
timer | timer | temporizator, cronometru | Timer, Zeitschaltuhr, Schaltuhr | minuterie, minuteur, programmateur | temporizador
calculator | calculator | calculator | Rechner, Taschenrechner | calculatrice | calculadora
calendar | calendar | calendar | Kalender | calendrier | calendario
game | game, games, gaming, gameplay | joc, jocuri, jocului | Spiel, Spiele, Gaming | jeu, jeux | juego, juegos
child | child, children, kid, kids, baby, infant, newborn | copil, copii, bebeluș, bebe, nou născut, sugar | Kind, Kinder, Baby, Säugling, Kleinkind | enfant, enfants, bébé, nourrisson | niño, niños, infantil, bebé, lactante
user | user | utilizator | Benutzer, Nutzer, Anwender | utilisateur | usuario
person | person, people, persons | persoană, persoane | Person, Personen | personne, personnes | persona, personas
place setting | place settings, place setting | seturi de vase, seturi | Maßgedecke, Gedecke | couverts | cubiertos, servicios
set | set, kit | set, kit, trusă | Set, Satz, Kit | ensemble, jeu, kit, lot | conjunto, juego, kit
accessory | accessory, accessories | accesoriu, accesorii | Zubehör | accessoire, accessoires | accesorio, accesorios
manual | manual, guide, user manual, user guide, instructions, instruction, directions | manual, ghid, instrucțiuni, indicații | Handbuch, Anleitung, Bedienungsanleitung, Übersicht, Gebrauchsanweisung, Hinweise, Anweisung, Hinweis | manuel, guide, mode d emploi, notice, consigne, consignes, instructions | manual, guía, instrucciones, indicaciones
quick start | quick start, quick | pornire rapidă, rapid | Schnellstart, schnell, Kurzanleitung | démarrage rapide, rapide | inicio rápido, rápido, rápida
start | start, starting, startup | pornire, start | Start, Anlauf | démarrage, départ | inicio, arranque
installation | installation, install, setup | instalare, montaj | Installation, Aufstellung, Einrichtung, Installieren | installation, pose | instalación
assembly | assembly | asamblare, montaj | Montage, Zusammenbau, Aufbau | assemblage, montage | montaje, ensamblaje
placement | placement, location type | amplasare | Platzierung, Aufstellungsort | placement | colocación, emplazamiento
orientation | orientation | orientare | Orientierung, Ausrichtung | orientation | orientación
adjustable | adjustable, adjustment, adjust | reglabil, ajustabil, reglare, reglaj | einstellbar, verstellbar, Einstellung, Verstellung, Anpassung | réglable, ajustable, réglage, ajustement | ajustable, regulable, ajuste, regulación
tilt | tilt | înclinare | Neigung, Neigungswinkel, neigbar | inclinaison, inclinable | inclinación
swivel | swivel, pivot, rotate | pivotare, rotire | Schwenk, drehbar, schwenkbar, Pivot | pivotement, pivotant, pivot | giratorio, giro, pivotante
folding | folding, foldable, collapsible | pliabil, pliere | klappbar, faltbar | pliable, pliant | plegable
removable | removable, detachable | detașabil, demontabil | abnehmbar, herausnehmbar, entfernbar | amovible, détachable | extraíble, desmontable
automatic | automatic, auto | automat, automată | automatisch, Automatik, auto | automatique, auto | automático, automática
smart | smart, intelligent | inteligent, smart | intelligent, smart | intelligent, intelligente, connecté | inteligente
portable | portable, mobility, carry | portabil | tragbar, mobil | portable, portatif | portátil
continuous | continuous | continuu, continuă | kontinuierlich, Dauer, durchgehend, kontinuierliche | continu, continue, en continu | continuo, continua
off | off | oprit | aus | éteint, arrêt | apagado, apagada
on | enabled, on | pornit, activat | ein, an, aktiviert, fähig | activé, allumé, activée | encendido, activado, habilitado
active | active | activ | aktiv | actif, active | activo, activa
mute | mute | fără sunet, silențios | Stummschaltung, stumm | désactivation, muet, sourdine, coupure du son | silencio, silenciar, mudo
vibration | vibration, vibrating | vibrație, vibrații | Vibration, Schwingung, vibrations | vibration, vibrations, vibreur | vibración
gyroscope | gyroscope, gyro | giroscop | Gyroskop, Gyro, Kreisel | gyroscope | giroscopio, giróscopo
accelerometer | accelerometer | accelerometru | Beschleunigungssensor, Beschleunigungsmesser, Accelerometer | accéléromètre | acelerómetro
compass | compass | busolă | Kompass | boussole, compas | brújula
barometer | barometer | barometru | Barometer | baromètre | barómetro
proximity | proximity | proximitate | Näherung, Annäherung | proximité | proximidad
ambient light sensor | ambient light sensor | senzor de lumină ambientală | Umgebungslichtsensor, Lichtsensor | capteur de lumière ambiante, capteur de luminosité | sensor de luz ambiental
motion | motion, movement, mechanism | mișcare, mecanism | Bewegung, Uhrwerk, Mechanismus | mouvement, mécanisme | movimiento, mecanismo
stabilizer | stabilizer, stabilization, stabilisation | stabilizator, stabilizare | Stabilisator, Stabilisierung, Bildstabilisator | stabilisateur, stabilisation | estabilizador, estabilización
signal | signal | semnal | Signal | signal | señal
sensitivity | sensitivity | sensibilitate | Empfindlichkeit | sensibilité | sensibilidad
impedance | impedance | impedanță | Impedanz | impédance | impedancia
distortion | distortion, thd | distorsiune | Verzerrung, Klirrfaktor | distorsion | distorsión
gain | gain | câștig | Gewinn, Verstärkung | gain | ganancia
amplifier | amplifier | amplificator | Verstärker | amplificateur | amplificador
equalizer | equalizer | egalizator | Equalizer | égaliseur | ecualizador
track | track | pistă, piesă | Titel, Spur | piste, titre | pista
rms | rms | rms | RMS | rms | rms
music | music | muzică | Musik | musique | música
voice | voice, speech | voce, vocal | Sprache, Stimme, Sprach | voix, vocal, vocale | voz
ring tone | ring tone, ringtone, ringer | ton de apel | Klingelton | sonnerie | tono de llamada, timbre
personalization | personalization, personalisation, customizable | personalizare | Personalisierung, Personifizierung | personnalisation | personalización
oem | oem | oem | OEM | oem | oem
mpn | mpn, part number, part no, manufacturer part number, manufacturer stock number, item model number | cod producător, cod piesă | Herstellernummer, Teilenummer, Herstellerartikelnummer | référence fabricant, référence constructeur, numéro de pièce | número de pieza, referencia del fabricante, número de parte
gtin | gtin, ean, upc, barcode, ean code, isbn | cod de bare, ean | EAN, Strichcode, Barcode | code barres, ean, code à barres | código de barras, ean
sku | sku, article number, item number | cod articol, cod produs | Artikelnummer, Bestellnummer | référence, numéro d article, référence produit | referencia, número de artículo
serial number | serial number | număr de serie | Seriennummer | numéro de série | número de serie
availability | availability, stock | disponibilitate, stoc | Verfügbarkeit, Bestand, Lagerbestand | disponibilité, stock | disponibilidad, existencias, stock
delivery | delivery | livrare | Lieferung, Liefer | livraison | entrega
condition | condition, state, status | stare, condiție | Zustand, Status | état, condition, statut | estado, condición
quality | quality | calitate | Qualität | qualité | calidad
flavour | flavor, flavour, taste | aromă, gust | Geschmack, Aroma, Geschmacksrichtung | saveur, goût, arôme, parfum | sabor, aroma
scent | scent, fragrance, smell, perfume, aroma note | parfum, miros, mireasmă, fragranță | Duft, Geruch, Parfüm, Duftnote, Duftrichtung | parfum, senteur, odeur, fragrance | fragancia, olor, aroma, perfume
ingredient | ingredient, ingredients | ingredient, ingrediente | Zutat, Zutaten, Inhaltsstoffe | ingrédient, ingrédients | ingrediente, ingredientes
allergen | allergen, allergens | alergen, alergeni | Allergen, Allergene | allergène, allergènes | alérgeno, alérgenos
nutrition | nutrition, nutritional | nutriție, nutrițional, valori nutriționale | Nährwert, Nährwerte, Ernährung | nutrition, nutritionnel, valeurs nutritionnelles | nutrición, nutricional, valor nutricional
calories | calories | calorii | Kalorien, Brennwert | calories | calorías
fat | fat, fats, fatty acids, acids fat | grăsimi, grăsime, acizi grași | Fett, Fette, Fettsäuren, Fettsäure | graisse, matières grasses, lipides, acides gras, matière grasse | grasa, grasas, ácidos grasos, materia grasa
sugar | sugar, sugars | zahăr, zaharuri | Zucker | sucre, sucres | azúcar, azúcares
protein | protein | proteine | Eiweiß, Protein | protéine, protéines | proteína, proteínas
salt | salt | sare | Salz | sel | sal
alcohol | alcohol, alcohol content, abv | alcool, conținut alcool, tărie alcoolică, tărie | Alkohol, Alkoholgehalt | alcool, degré d alcool, titre alcoométrique | alcohol, graduación alcohólica, grado alcohólico
skin | skin | piele | Haut | peau | piel
hair | hair | păr | Haar, Haare | cheveux, cheveu | cabello, pelo
eye | eye, eyes | ochi | Auge, Augen | œil, yeux | ojo, ojos
dose | dose, dosage, dosage form, administration | doză, dozaj, formă farmaceutică, mod de administrare | Dosis, Dosierung, Darreichungsform, Einnahme | dose, dosage, posologie, forme galénique | dosis, dosificación, posología
animal | animal, pet, pets | animal, animale, animal de companie, animale de companie, animalului | Tier, Haustier, Tiere | animal, animaux, animal de compagnie | animal, mascota, mascotas
dog | dog | câine | Hund | chien | perro
cat | cat | pisică | Katze | chat | gato
plant | plant | plantă | Pflanze | plante | planta
vehicle | vehicle, car | vehicul, mașină, auto | Fahrzeug, Auto | véhicule, voiture | vehículo, coche
engine | engine, motor | motor | Motor | moteur | motor
fuel | fuel | combustibil, carburant | Kraftstoff, Brennstoff | carburant, combustible | combustible
gas | gas | gaz | Gas | gaz | gas
oil | oil | ulei | Öl | huile | aceite
tyre | tyre, tire, tyres, tires | anvelopă, anvelope | Reifen | pneu, pneus | neumático, neumáticos
brake | brake, brakes | frână, frâne | Bremse, Bremsen | frein, freins | freno, frenos
load | load, load capacity, carrying capacity, payload, bearing capacity | sarcină, încărcătură, capacitate de încărcare, capacitate portantă | Last, Belastung, Traglast, Tragkraft, Belastbarkeit, Zuladung, Tragfähigkeit | charge, charge maximale, charge utile, charge admissible, capacité de charge | carga, carga máxima, carga útil, carga admisible, capacidad de carga
torque | torque | cuplu | Drehmoment | couple | par, par de torsión
force | force | forță | Kraft | force | fuerza
flow | flow, flow rate | debit, flux | Durchfluss, Fluss, Förderleistung | débit, flux | flujo, caudal
tool | tool, tools | unealtă, scule, unelte | Werkzeug, Werkzeuge | outil, outils | herramienta, herramientas
blade | blade, blades, knife, knives | lamă, lame, cuțit, cuțite | Klinge, Messer, Sägeblatt | lame, lames, couteau, couteaux | hoja, cuchilla, cuchillas, cuchillo, cuchillos
bit | bit | bit | Bit | bit, bits | bit, bits
bulb | bulb, lamp, bulbs, lamps, luminaire, light fitting | bec, lampă, becuri, corp de iluminat | Lampe, Leuchtmittel, Glühbirne, Leuchte | ampoule, lampe, ampoules, lampes, luminaire | bombilla, lámpara, bombillas, luminaria
led | led, leds, indicator | led, indicator | LED, Anzeige, LEDs, Indikator | led, témoin, voyant, indicateur | led, indicador, piloto
luminous flux | luminous flux, light output | flux luminos | Lichtstrom | flux lumineux | flujo luminoso
colour temperature | color temperature, colour temperature | temperatură de culoare | Farbtemperatur | température de couleur | temperatura de color
colour rendering | color rendering index, cri | indice de redare a culorilor | Farbwiedergabeindex | indice de rendu des couleurs | índice de reproducción cromática
colour depth | color depth, colour depth, number of colors, number of colours, display colors, colors supported, color support | adâncime de culoare, număr de culori | Farbtiefe, Anzahl Farben, Anzahl der Farben | profondeur de couleur, nombre de couleurs | profundidad de color, número de colores
colour gamut | color gamut, colour gamut | gamă de culori | Farbraum | gamme de couleurs, espace colorimétrique | gama de colores, espacio de color
pixel pitch | pixel pitch, dot pitch | distanță între pixeli, pas pixel | Pixelabstand, Punktabstand, Lochabstand, Pixelgröße | pas de pixel, pas de masque, taille de pixel | tamaño de píxel, distancia entre píxeles, paso de píxel
pixel | pixel, dot | pixel, punct | Pixel, Bildpunkt | pixel, point | píxel, punto
density | density | densitate | Dichte | densité | densidad
graphic | bubble graphic | | | |
bubble | bubble | bulă | Blase | bulle | burbuja
touchpad | touchpad | touchpad | Touchpad | pavé tactile | panel táctil
osd | on screen display, osd, onscreen display | meniu osd, osd | OSD, Bildschirmmenü, On Screen Display | affichage à l écran, osd, on screen display | visualización en pantalla, osd, on screen display
full hd | full hd, 1080p | full hd | Full HD | full hd | full hd
hd | hd, high definition | hd, înaltă definiție | HD | hd, haute définition | hd, alta definición
hdr | hdr | hdr | HDR | hdr | hdr
3d | 3d, three dimensional | 3d | 3D | 3d | 3d
hub | hub | hub | Hub | hub, concentrateur | hub, concentrador
expansion | expansion, extension | extindere, extensie | Erweiterung | extension, expansion | expansión, ampliación
upgrade | upgrade, update | actualizare, upgrade | Aktualisierung, Upgrade, Update | mise à niveau, mise à jour | actualización
maintenance | maintenance, service | întreținere, service, serviciu | Wartung, Service, Dienst | maintenance, entretien, service | mantenimiento, servicio
code name | code name, codename | nume de cod | Codename, Produktcodename | nom de code | nombre en código, nombre clave
launch date | launch date, release date, launch | data lansării, lansare | Markteinführung, Erscheinungsdatum, Einführungsdatum | date de lancement, date de sortie, lancement | fecha de lanzamiento, lanzamiento
market | market, segment, target market | piață, segment | Markt, Segment, Marktsegment | marché, segment | mercado, segmento
lithography | lithography | litografie | Lithografie, Lithographie | lithographie | litografía
thermal design power | thermal design power, tdp | tdp, putere termică | Thermal Design Power, TDP, thermische Verlustleistung | enveloppe thermique, tdp, puissance thermique | potencia de diseño térmico, tdp
instruction set | instruction set, instruction sets | set de instrucțiuni | Befehlssatz, Befehlssätze | jeu d instructions, jeux d instructions | conjunto de instrucciones
sustainability | sustainability, environmental, eco, green | sustenabilitate, mediu, eco | Nachhaltigkeit, Umwelt, Öko | durabilité, environnement, écologique, environnemental | sostenibilidad, medioambiental, ecológico
absorption | absorption, sar, specific absorption rate, absorbency, absorbent | absorbție, sar, absorbant | Absorption, SAR, Saugfähigkeit, saugfähig | absorption, das, sar, débit d absorption spécifique, débit d absorption, absorbant | absorción, sar, absorbente
eu | eu, europe, european | ue, europa, european | EU, Europa, europäisch | ue, europe, européen | ue, europa, europeo, europeas
numeric | numeric, numerical | numeric | numerisch, Zahl | numérique, numerique | numérico
percentage | percentage, percent, share | procent, procentaj | Prozent, Prozentsatz, Anteil | pourcentage, part | porcentaje
value | value | valoare | Wert | valeur | valor
unit | unit, units, piece, pieces, pcs | unitate, bucată, bucăți, piese | Einheit, Stück, Teil, Teile, Einzelteile | unité, pièce, pièces, morceau | unidad, pieza, piezas, unidades
per | per, each | per, pe | pro, je | par | por
device | device, appliance, machine, equipment | dispozitiv, aparat, echipament, mașină | Gerät, Geräte, Maschine, Ausrüstung | appareil, dispositif, équipement, machine, périphérique | dispositivo, aparato, equipo, máquina
computer | computer, pc | calculator, computer, pc | Computer, PC, Rechner | ordinateur, pc | ordenador, computadora, pc
notebook | notebook, laptop | laptop, notebook | Notebook, Laptop | ordinateur portable, portable, notebook | portátil, ordenador portátil
tablet | tablet | tabletă | Tablet | tablette | tableta, tablet
office | office | birou, office | Büro, Office | bureau, office | oficina
home | home, household | casă, uz casnic, acasă | Haus, Haushalt, Heim | maison, domicile, ménage, foyer | hogar, casa, doméstico
room | room | cameră, încăpere | Raum, Zimmer | pièce, chambre, salle | habitación, sala, cuarto
kitchen | kitchen | bucătărie | Küche | cuisine | cocina
bathroom | bathroom, bath | baie | Bad, Badezimmer | salle de bain, bain | baño
garden | garden | grădină | Garten | jardin | jardín
outdoor | outdoor | exterior, în aer liber | Outdoor, Außenbereich | extérieur, plein air | exterior, aire libre
sport | sport, sports | sport | Sport | sport, sports | deporte, deportes
feature | special features, additional features | caracteristici speciale | Besonderheiten, besondere Merkmale | caractéristiques particulières | características especiales
distance | distance, spacing, gap | distanță, spațiere, interval de | Abstand, Entfernung, Distanz | distance, espacement, écart, entraxe | distancia, separación, espaciado
clearance | clearance | spațiu liber | Freiraum, Abstand | dégagement, garde | espacio libre, holgura
interval | interval | interval | Intervall | intervalle | intervalo
step | step, steps | pas, trepte, treaptă | Schritt, Stufe, Stufen | étape, pas, paliers | paso, etapa, pasos
point | point, points | punct, puncte | Punkt, Punkte | point, points | punto, puntos
line | lines, row | linie, rând | Linie, Zeile, Reihe | ligne, rangée | línea, fila
list | list | listă | Liste | liste | lista
log | log, logging | jurnal | Protokollierung | journal | registro
view | view, viewing | vizualizare, vedere | Ansicht, Sicht | vue, visualisation | vista, visualización
window | window | fereastră | Fenster | fenêtre | ventana
menu | menu | meniu | Menü | menu | menú
text | text | text | Text | texte | texto
file | file, files | fișier, fișiere | Datei, Dateien | fichier, fichiers | archivo, archivos, fichero
folder | folder | dosar | Ordner | dossier | carpeta
group | groups | grupuri | Gruppen | groupes | grupos
address | address | adresă | Adresse | adresse | dirección
management | management | management, gestionare, administrare | Verwaltung, Management | gestion, administration | gestión, administración
performance | performance | performanță | Leistungsfähigkeit, Performance | performance, performances | rendimiento
test | test | test | Test, Prüfung | test, essai | prueba, ensayo
safety | safety | siguranță | Sicherheit | sécurité | seguridad
hazard | hazard, warning, warnings | pericol, avertisment, avertismente | Gefahr, Warnung, Warnhinweise | danger, avertissement, avertissements | peligro, advertencia, advertencias
expiry | expiry, expiration, best before, shelf life, storage life, durability period | expirare, data expirării, termen de valabilitate, valabilitate, perioadă de valabilitate | Haltbarkeit, Ablauf, Mindesthaltbarkeit, Haltbarkeitsdauer | expiration, péremption, date de péremption, durée de conservation, conservation | caducidad, vencimiento, conservación
care | care, care instructions | îngrijire | Pflege, Pflegehinweise | entretien, soin, soins | cuidado, cuidados
recommended | recommended, suggested | recomandat, recomandată | empfohlen, empfohlene | recommandé, recommandée, conseillé | recomendado, recomendada
required | required, requirement, requirements | necesar, cerințe, cerință | erforderlich, Anforderungen, Anforderung, Voraussetzungen | requis, requise, exigence, exigences, configuration requise | requerido, requisitos, requisito, necesario
optional | optional | opțional | optional | optionnel, en option | opcional
effective | effective | efectiv, efectivă | effektiv, effektive | effectif, effective, efficace | efectivo, efectiva
usable | usable, useful | util, utilă | nutzbar, Nutz | utile, utilisable | útil, utilizable
available | available | disponibil, disponibile | verfügbar, verfügbare | disponible, disponibles | disponible, disponibles
full | full | complet | voll, komplett | complet, complète, plein | completo, completa, lleno
half | half | jumătate | halb | demi, moitié | medio, mitad
low | low | scăzut, mic | niedrig, gering | bas, basse, faible | bajo, baja
high | high | ridicat, mare, înaltă | hoch, hohe | haut, haute, élevé | alto, alta, elevado
multi | multi, multiple | multi, multiplu | multi, mehrfach, Mehrfach | multi, multiple | multi, múltiple
single | single | simplu, singur | einzel, Einzel, einfach | simple, seul, unique | único, simple, individual
dual | dual, double | dublu, dual | doppel, Doppel, dual, zweifach | double, dual | doble, dual
shoe | shoe, shoes, footwear | pantof, pantofi, încălțăminte, încălțări | Schuh, Schuhe | chaussure, chaussures, soulier | zapato, zapatos, calzado
shoe size | shoe size | măsură încălțăminte, număr pantofi | Schuhgröße | pointure | talla de calzado, número de calzado
sock | sock, socks, stocking | șosete, ciorapi | Socke, Socken, Strumpf | chaussette, chaussettes | calcetín, calcetines
trousers | trousers, pants, jeans | pantalon, pantaloni | Hose, Hosen | pantalon, pantalons | pantalón, pantalones
dress | dress | rochie, rochii | Kleid, Kleider | robe, robes | vestido, vestidos
skirt | skirt | fustă, fuste | Rock | jupe | falda
shirt | shirt, blouse | cămașă, bluză | Hemd, Bluse | chemise, chemisier | camisa, blusa
jacket | jacket, coat | jachetă, geacă, palton | Jacke, Mantel | veste, manteau, blouson | chaqueta, abrigo
clothing | clothing, clothes, garment, apparel | îmbrăcăminte, haine, vestimentar | Kleidung, Bekleidung, Kleidungsstück | vêtement, vêtements, habillement | ropa, prenda, prendas, vestimenta
hood | hood | glugă | Kapuze | capuche | capucha
pocket | pocket, pockets | buzunar, buzunare | Taschen, Fächer | poche, poches | bolsillo, bolsillos
strap | strap, straps, wristband, bracelet | curea, bretele, brățară | Riemen, Gurt, Armband, Träger | sangle, bretelle, bracelet | correa, tirante, pulsera
buckle | buckle, clasp | cataramă, închizătoare | Schnalle | boucle, fermoir | hebilla, broche
zip | zip, zipper | fermoar | Reißverschluss | fermeture éclair, glissière | cremallera
fit | fit, silhouette | croială, croi | Passform, Schnitt | coupe, silhouette | corte
chest | chest, bust | piept, bust | Brust, Oberweite | poitrine, buste | pecho, busto
hip | hip, hips | șold, șolduri | Hüfte, Hüften | hanche, hanches | cadera, caderas
inner material | inner material, interior material | material interior | Innenmaterial | matière intérieure | material interior
padding | padding, filling, stuffing | umplutură, căptușire | Füllung, Polsterung, Polster | rembourrage, garnissage | relleno, acolchado
wool | wool | lână | Wolle | laine | lana
silk | silk | mătase | Seide | soie | seda
gem | gem, gemstone, stone, stones | piatră prețioasă, piatră, pietre | Edelstein, Stein, Steine | pierre précieuse, pierre, pierres, gemme | piedra preciosa, piedra, piedras, gema
gold | gold | aur | Gold | or | oro
silver | silver | argint | Silber | argent | plata
ring | ring, rings | inel, inele | Ring, Ringe | bague, anneau | anillo, anillos
necklace | necklace, chain | colier, lanț | Kette, Halskette | collier, chaîne | collar, cadena
dial | dial | cadran | Zifferblatt | cadran | esfera
dishwasher | dishwasher | mașină de spălat vase | Spülmaschine, Geschirrspüler | lave vaisselle | lavavajillas
safe | safe, suitable, suitability | potrivit, potrivită, adecvat, compatibil cu | geeignet, tauglich, Eignung | adapté, adaptée, convient, apte | apto, apta, adecuado, adecuada
microwave | microwave | microunde, cuptor cu microunde | Mikrowelle, Mikrowellen | micro ondes, four à micro ondes | microondas
induction | induction | inducție | Induktion | induction | inducción
washing machine | washing machine, washer | mașină de spălat rufe, mașină de spălat | Waschmaschine | lave linge, machine à laver | lavadora
vacuum cleaner | vacuum cleaner, vacuum | aspirator | Staubsauger | aspirateur | aspiradora
suction | suction | aspirare, aspirație | Saug, Saugkraft, Absaugung | aspiration | aspiración, succión
iron | iron, ironing | fier de călcat, călcare | Bügeleisen, Bügel, Bügeln | fer à repasser, repassage | plancha, planchado
steam | steam | abur, aburi | Dampf | vapeur | vapor
non stick | non stick, nonstick | antiaderent, antiaderentă | Antihaft, antihaftend | antiadhésif, antiadhésive, antiadhérent | antiadherente
pan | pan, pot, saucepan, cookware | tigaie, oală, cratiță | Pfanne, Topf, Kochtopf | poêle, casserole, marmite | sartén, olla, cacerola
cup | cup, mug | ceașcă, cană | Tasse, Becher | tasse, mug, gobelet | taza
plate | plate, plates, dish | farfurie, farfurii | Teller | assiette, assiettes | plato, platos
bowl | bowl, bowls | bol, castron | Schüssel, Schale | bol, saladier | cuenco, bol
coffee | coffee | cafea | Kaffee | café | café
tea | tea | ceai | Tee | thé | té
milk | milk | lapte | Milch | lait | leche
meat | meat | carne | Fleisch | viande | carne
fruit | fruit, fruits | fructe, fruct | Obst, Frucht, Früchte | fruit, fruits | fruta, frutas
vegetable | vegetable, vegetables | legume, legumă | Gemüse | légume, légumes | verdura, verduras, hortalizas
grape | grape, grapes | struguri, strugure | Traube, Trauben | raisin, raisins | uva, uvas
variety | variety, cultivar, strain | soi, varietate |  | variété | variedad
grape variety | grape variety, varietal | soi de struguri, soi struguri | Rebsorte, Traubensorte | cépage, cépages | variedad de uva, cepa
wine | wine | vin, vinuri | Wein | vin, vins | vino, vinos
beer | beer | bere | Bier | bière | cerveza
vintage | vintage, harvest year, crop year | an de recoltă, anul recoltei, recoltă | Jahrgang, Erntejahr | millésime, année de récolte | añada, cosecha, año de cosecha
region | region | regiune, zonă geografică | Region, Anbaugebiet | région | región, comarca
food | food, foodstuff | aliment, alimente, mâncare, hrană, alimentar | Lebensmittel, Nahrung | aliment, aliments, nourriture, alimentaire | alimento, alimentos, comida, alimenticio
saturated | saturated, saturates | saturat, saturate, saturați | gesättigt, gesättigte, gesättigten | saturé, saturés, saturées | saturado, saturados, saturadas
fibre | fibre, fiber, fibres, fibers | fibre, fibră | Ballaststoffe, Faser, Fasern | fibres, fibre | fibra, fibras
carbohydrate | carbohydrate, carbohydrates, carbs | carbohidrați, glucide, hidrați de carbon | Kohlenhydrate, Kohlenhydrat | glucides, hydrates de carbone | carbohidratos, hidratos de carbono, glúcidos
vitamin | vitamin, vitamins | vitamină, vitamine | Vitamin, Vitamine | vitamine, vitamines | vitamina, vitaminas
organic | organic, bio | ecologic, bio, organic | Bio, biologisch, ökologisch | biologique, bio | orgánico
vegan | vegan, vegetarian | vegan, vegetarian | vegan, vegetarisch | végan, végétalien, végétarien | vegano, vegetariano
gluten | gluten | gluten | Gluten | gluten | gluten
content | content of | conținut de | Gehalt | teneur, teneur en | contenido de
portion | portion, serving, servings | porție, porții | Portion, Portionen | portion, portions | porción, porciones, ración, raciones
sun protection | sun protection, spf, sun protection factor | protecție solară, factor de protecție solară, fps | Sonnenschutz, Lichtschutz, Lichtschutzfaktor, LSF | protection solaire, indice de protection solaire | protección solar, factor de protección solar
factor | factor | factor | Faktor | facteur | factor
lip | lip, lips | buză, buze | Lippe, Lippen | lèvre, lèvres | labio, labios
nail | nail, nails | unghie, unghii, cui, cuie | Nagel | ongle, ongles, clou, clous | uña, uñas, clavo, clavos
tooth | tooth, teeth, dental | dinte, dinți, dentar | Zahn, Zähne | dent, dents, dentaire | diente, dientes, dental
beard | beard, shaving, razor | barbă, bărbierit, ras | Bart, Rasur, Rasier | barbe, rasage, rasoir | barba, afeitado
concern | concern, problem, need | problemă, nevoie | Problem, Bedürfnis | problème, besoin | problema, necesidad
effect | effect, benefit, benefits | efect, beneficii | Wirkung, Effekt, Vorteil | effet, bienfait, bienfaits | efecto, beneficio, beneficios
drill | drill, drilling | burghiu, găurire, bormașină | Bohrer, Bohr, Bohren | perçage, foret, perceuse | broca, taladro, perforación
cutting | cutting, cut length | tăiere, tăietură | Schneiden, Schneide | découpe | 
saw | saw | ferăstrău | Säge, Sägen | scie | sierra
screw | screw, screws, bolt | șurub, șuruburi | Schraube, Schrauben | vis, boulon | tornillo, tornillos, perno
hammer | hammer, impact | ciocan, percuție, impact | Hammer, Schlag | marteau, percussion, impact | martillo, percusión, impacto
grinding | grinding, sanding, abrasive, grit | șlefuire, abraziv, granulație | Schleif, Schleifen, Körnung | ponçage, meulage, abrasif, grain | lijado, amolado, abrasivo, grano
welding | welding, soldering | sudură, sudare, lipire | Schweiß, Schweißen, Löt | soudage, soudure | soldadura
chuck | chuck | mandrină | Bohrfutter | mandrin | portabrocas, mandril
paint | paint, varnish | vopsea, lac | Lack, Anstrich, Wandfarbe | peinture, vernis | pintura, barniz
tile | tile, tiles | gresie, faianță, țiglă | Fliese, Fliesen | carrelage, carreau | baldosa, azulejo
lawn | lawn, grass | gazon, iarbă | Rasen, Gras | pelouse, gazon, herbe | césped, hierba
mowing | mowing, mower | tuns, tundere | Mäh, Mähen | tonte, tondeuse | siega, cortacésped
seed | seed, seeds | semințe, sămânță | Samen, Saatgut | graine, graines, semence | semilla, semillas
flower | flower, flowering, bloom, blossom | floare, flori, înflorire | Blume, Blüte, Blumen | fleur, fleurs, floraison | flor, flores, floración
sowing | sowing, planting | semănat, plantare | Aussaat, Pflanzung | semis, plantation | siembra, plantación
soil | soil, earth | sol, pământ | Erde | terre | tierra
tree | tree, trees | copac, pom, arbore | Baum | arbre | árbol
hose | hose, pipe, tube, tubing | furtun, țeavă, conductă | Schlauch, Rohr | tuyau, tube, conduite | manguera, tubo, tubería
pump | pump | pompă | Pumpe | pompe | bomba
valve | valve | supapă, ventil, robinet | Ventil | valve, soupape, vanne | válvula
spray | spray, jet, nozzle | pulverizare, jet, duză | Sprüh, Strahl, Düse | pulvérisation, jet, buse | pulverización, chorro, boquilla
frame |  | cadru |  | monture | cuadro
bicycle | bicycle, bike | bicicletă | Fahrrad | vélo, bicyclette | bicicleta
saddle | saddle | șa | Sattel | selle | sillín
handlebar | handlebar | ghidon | Lenker | guidon | manillar
fork | fork | furcă, furculiță | Gabel | fourche, fourchette | horquilla, tenedor
gear | gear, gears, gearbox, shifting | angrenaj, schimbător, cutie de viteze | Gang, Gänge, Gangschaltung, Getriebe, Schaltung | vitesses, boîte de vitesses | marchas, cambio, caja de cambios
suspension | suspension | suspensie | Federung | suspension | suspensión
rim | rim | jantă | Felge, Felgen | jante | llanta
axle | axle, axis, shaft | ax, axă, arbore motor | Achse, Welle | axe, essieu, arbre moteur | eje
horsepower | horsepower | cai putere | Pferdestärke | chevaux | caballos
emission | emission, emissions | emisii, emisie | Emission, Emissionen, Ausstoß | émission, émissions | emisión, emisiones
ball | ball | minge, bilă | Ball, Kugel | ballon, balle, bille | pelota, balón, bola
tent | tent | cort | Zelt | tente | tienda de campaña, tienda
sleeping bag | sleeping bag | sac de dormit | Schlafsack | sac de couchage | saco de dormir
backpack | backpack, rucksack | rucsac | Rucksack | sac à dos | mochila
helmet | helmet | cască de protecție | Helm | casque de protection | casco
racket | racket, racquet | rachetă | Schläger | raquette | raqueta
string | string, strings | coardă, corzi, sfoară | Saite, Saiten, Schnur | corde, cordes, ficelle | cuerda, cuerdas
swimming | swimming, swim, pool | înot, piscină | Schwimm, Schwimmen, Pool | natation, piscine | natación, piscina
riding | riding, ride | călărie, mers | Reit, Fahr | équitation, conduite sportive | equitación, conducción
skill | skill, skills, ability | abilitate, abilități, nivel de experiență | Fähigkeit, Können, Fähigkeiten | compétence, compétences, niveau de pratique | habilidad, habilidades
toy | toy, toys | jucărie, jucării | Spielzeug | jouet, jouets | juguete, juguetes
puzzle | puzzle, jigsaw | puzzle | Puzzle | puzzle | puzle, rompecabezas
player | player, players | jucător, jucători | Spieler | joueur, joueurs | jugador, jugadores
pushchair | pushchair, stroller, pram | cărucior | Kinderwagen, Buggy | poussette | cochecito, carrito
diaper | diaper, nappy, nappies, diapers | scutec, scutece | Windel, Windeln |  | pañal, pañales
author | author, writer | autor, scriitor | Autor, Autorin, Verfasser | auteur, écrivain | autor, escritor
publisher | publisher, publishing house | editură, editor | Verlag, Herausgeber | éditeur, maison d édition | editorial, editor
publication | publication, published, released | apariție, publicare | Erscheinung, Veröffentlichung, erschienen | parution, publication | publicación
translator | translator, translation | traducător, traducere | Übersetzer, Übersetzung | traducteur, traduction | traductor, traducción
genre | genre | gen literar, gen muzical | Genre, Gattung | genre littéraire, genre musical | género literario, género musical
binding | binding, cover type, book cover | tip copertă, copertă, legătorie, legătură | Einband, Bindung | reliure | encuadernación
chapter | chapter, chapters | capitol, capitole | Kapitel | chapitre | capítulo
director | director | regizor | Regisseur, Regie | réalisateur | director de cine
actor | actor, actors, cast | actor, actori, distribuție | Schauspieler, Darsteller | acteur, acteurs | actor, actores, reparto
artist | artist, performer, singer | artist, interpret, cântăreț | Künstler, Interpret | artiste, interprète | artista, intérprete
instrument | instrument | instrument | Instrument | instrument | instrumento
furniture | furniture | mobilă, mobilier | Möbel | meuble, meubles, mobilier | mueble, muebles, mobiliario
sofa | sofa, couch | canapea | Sofa, Couch | canapé | sofá
mattress | mattress | saltea, saltele, saltelei | Matratze, Matratzen | matelas | colchón
pillow | pillow, cushion | pernă, perne | Kissen, Kopfkissen | oreiller, coussin | almohada, cojín
blanket | blanket, duvet, quilt | pătură, plapumă, pilotă | Bettdecke | couette | manta, edredón
curtain | curtain, blind | perdea, draperie, jaluzea | Vorhang, Gardine, Jalousie, Rollo | rideau, store | cortina, persiana
carpet | carpet, rug, pile | covor, carpetă | Teppich, Flor | tapis, moquette | alfombra, moqueta
bulb base | bulb base, lamp base, cap type, base type, lamp holder | soclu bec, dulie | Lampensockel | culot, douille | casquillo, portalámparas
armrest | armrest, armrests | cotieră, cotiere, brațe | Armlehne, Armlehnen | accoudoir, accoudoirs | reposabrazos
backrest | backrest, back height | spătar | Rückenlehne, Lehne |  | respaldo
mirror | mirror | oglindă | Spiegel | miroir | espejo
shower | shower, bathtub | duș, cadă | Dusche, Badewanne, Brause | douche, baignoire | ducha, bañera
tap | tap, faucet | robinet de apă, baterie sanitară | Wasserhahn, Armatur | robinet, robinetterie | grifo
toilet | toilet | toaletă, wc | Toilette, WC | toilette, wc | inodoro, retrete
fire | fire, flame, fireproof, flame retardant | foc, flacără, ignifug | Feuer, Flamme, feuerfest | feu, flamme, ignifuge | fuego, llama, ignífugo
smoke | smoke | fum | Rauch | fumée | humo
insulation | insulation, insulated | izolație, izolare, termoizolant | Isolierung, Dämmung, Isolation | isolation, isolant | aislamiento, aislante
solar | solar, sun | solar, solară, soare | Solar, Sonne, Sonnen | solaire, soleil | solar, sol
breed | breed, breed size | rasă | Rasse | race | raza
fish | fish, aquarium | pește, pești, acvariu | Fisch, Aquarium, Fische | poisson, poissons, aquarium | pez, pescado, acuario
bird | bird, birds | pasăre, păsări | Vogel | oiseau, oiseaux | pájaro, ave, aves
hardness | hardness, firmness, firm | duritate, fermitate | Härte, Härtegrad, Festigkeit | dureté, fermeté | dureza, firmeza
elastic | elastic, elasticity, stretch, flexible, flexibility | elastic, elasticitate, flexibil, flexibilitate | Elastizität, elastisch, dehnbar, flexibel | élastique, élasticité, souplesse, extensible | elástico, elasticidad, flexible
transparency | transparency, opacity | transparență, opacitate | Transparenz, Deckkraft, transparent | transparence, opacité | transparencia, opacidad
viscosity | viscosity | viscozitate, vâscozitate | Viskosität | viscosité | viscosidad
concentration | concentration | concentrație | Konzentration | concentration | concentración
tablet count | tablets, capsules, pills | comprimate, capsule, pastile | Tabletten, Kapseln | comprimés, gélules, capsules | comprimidos, cápsulas, pastillas
active ingredient | active ingredient, active substance | substanță activă, ingredient activ | Wirkstoff | principe actif, substance active, ingrédient actif | principio activo, ingrediente activo
circumference | circumference, girth, perimeter | circumferință, perimetru | Umfang | circonférence, périmètre, tour de | circunferencia, perímetro, contorno de, contorno
index | index | indice | Index, Kennzahl | indice | 
displacement | displacement, engine displacement, cubic capacity | capacitate cilindrică, cilindree | Hubraum | cylindrée | cilindrada
dimmable | dimmable, dimming | dimabil, dimabilă | dimmbar, Dimmung | variateur, gradable, intensité variable | atenuable
opening | opening | deschidere | Öffnung |  | 
playing | playing |  |  |  | 
thread count | thread count | densitatea firelor | Fadenzahl, Fadendichte | nombre de fils | número de hilos
stability | stability | stabilitate | Stabilität | stabilité | estabilidad
hole | hole, holes, bore | gaură, orificiu, găuri | Loch, Löcher, Bohrung | trou, trous, alésage | agujero, orificio
compartment | compartment, compartments | compartiment, compartimente | Abteil | compartiment, compartiments | compartimento, compartimentos
rope | rope | frânghie, șnur | Seil, Kordel | cordage | soga
cleaning agent | detergent, cleaner | detergent | Reinigungsmittel, Waschmittel | détergent, lessive | detergente
mesh | mesh, net fabric, grid | plasă, grilă | Gitter | maille, filet, grille | malla, rejilla
ammunition | ammunition, calibre, caliber | calibru, muniție | Kaliber | calibre | calibre
height adjustment | height adjustment, height adjustable | reglabil pe înălțime, reglare înălțime | höhenverstellbar, Höhenverstellung | réglable en hauteur, réglage en hauteur | altura regulable, regulable en altura, ajuste de altura
resealable | resealable, reusable | resigilabil, reutilizabil | wiederverschließbar, wiederverwendbar | refermable, réutilisable | resellable, reutilizable
disposable | disposable, single use | de unică folosință | Einweg | jetable, à usage unique | desechable
washable | washable | lavabil, lavabilă | waschbar | lavable | lavable
breathable | breathable | respirabil | atmungsaktiv | respirant | transpirable
inflatable | inflatable | gonflabil | aufblasbar | gonflable | inflable, hinchable
magnetic | magnetic, magnet | magnetic, magnet | magnetisch, Magnet | magnétique, aimant | magnético, imán
electric | electric, electrical | electric, electrică | elektrisch, Elektro | électrique | eléctrico, eléctrica
 | the, a, an, of, for, and, or, with, to, by, at, from, is, has, have, in the, your, this, details of, information, info, data sheet | de, la, cu, și, sau, pentru, al, a, ale, din, pe, cel, cea, un, o, în, este, are | der, die, das, des, dem, den, für, mit, und, oder, von, vom, zu, zum, zur, ein, eine, einer, ist, bei, im, in, auf, nach, pro, aus der | de, du, des, d, la, le, les, l, et, ou, pour, avec, à, au, aux, un, une, en, sur, dans, par, est, a | de, del, la, el, los, las, y, o, para, con, al, a, en, un, una, por, es, tiene
$words$, '\n') AS r (line) WHERE r.line ~ '\|') AS l
 CROSS JOIN LATERAL (VALUES ('en', l.cells[2]), ('ro', l.cells[3]), ('de', l.cells[4]), ('fr', l.cells[5]), ('es', l.cells[6])) AS k (locale, words)
 CROSS JOIN LATERAL regexp_split_to_table(k.words, '\s*,\s*') AS w (word)
 WHERE normalise.name_key(w.word) <> '';

-- What a word of a name says about its values: data type and family of units.
INSERT INTO neanelu.prod_attr_kinds (concept, data_type, unit_family)
SELECT k.concept, nullif(k.data_type, ''), nullif(k.unit_family, '')
  FROM (VALUES
    ('height', 'number', 'length'), ('width', 'number', 'length'), ('depth', 'number', 'length'), ('length', 'number', 'length'),
    ('thickness', 'number', 'length'), ('diameter', 'number', 'length'), ('radius', 'number', 'length'), ('diagonal', 'number', 'length'),
    ('distance', 'number', 'length'), ('altitude', 'number', 'length'), ('pitch', 'number', 'length'), ('dimension', 'dimensions', 'length'),
    ('weight', 'number', 'mass'), ('load', 'number', 'mass'), ('volume', 'number', 'volume'), ('area', 'number', 'area'),
    ('voltage', 'number', 'voltage'), ('current', 'number', 'current'), ('frequency', 'number', 'frequency'), ('refresh', 'number', 'frequency'),
    ('speed', 'number', ''), ('rotation', 'number', 'rotation'), ('time', 'number', 'duration'), ('life', 'number', 'duration'),
    ('warranty', '', 'duration'), ('temperature', 'number', 'temperature'), ('humidity', 'number', 'fraction'), ('percentage', 'number', 'fraction'),
    ('efficiency', 'number', 'fraction'), ('pressure', 'number', 'pressure'), ('noise', 'number', 'sound'), ('brightness', 'number', 'luminance'),
    ('angle', 'number', 'angle'), ('power', 'number', 'power'), ('consumption', 'number', 'power'), ('energy', 'number', 'energy'),
    ('torque', 'number', 'torque'), ('force', 'number', 'force'), ('flow', 'number', 'flow'), ('memory', 'number', 'data'),
    ('storage', '', 'data'), ('cache', 'number', 'data'), ('resolution', 'dimensions', 'pixels'), ('quantity', 'number', ''),
    ('numeric', 'number', ''), ('maximum', 'number', ''), ('minimum', 'number', ''), ('range', 'range', ''), ('colour', 'string', ''),
    ('language', 'list', ''), ('type', 'string', ''), ('brand', 'string', ''), ('model', 'string', ''), ('impedance', 'number', 'resistance'),
    ('gender', 'string', ''), ('material', 'string', ''), ('name', 'string', ''), ('ratio', 'string', ''), ('category', 'string', ''),
    ('rate', 'number', ''), ('depth colour', 'number', ''), ('included', 'boolean', ''), ('has', 'boolean', ''), ('is', 'boolean', ''),
    ('rechargeable', 'boolean', ''), ('waterproof', 'boolean', ''), ('adjustable', 'boolean', ''), ('removable', 'boolean', ''),
    ('price', 'number', ''), ('page rate', 'number', 'page_rate'), ('size', '', 'length'), ('transfer', 'number', 'data_rate'), ('flux', 'number', 'luminous_flux')
  ) AS k (concept, data_type, unit_family);

-- Names by which a brand is known beside its own.
INSERT INTO neanelu.prod_brand_aliases (alias_key, brand) VALUES
  ('hp', 'Hewlett-Packard'), ('hpe', 'Hewlett-Packard Enterprise'), ('hewlett packard', 'Hewlett-Packard'),
  ('hewlett packard enterprise', 'Hewlett-Packard Enterprise'), ('lg electronics', 'LG'), ('western digital', 'Western Digital'), ('wd', 'Western Digital'),
  ('asustek', 'ASUS'), ('asustek computer', 'ASUS'), ('ge', 'General Electric'), ('ibm', 'IBM'), ('international business machines', 'IBM'),
  ('j j', 'Johnson & Johnson'), ('p g', 'Procter & Gamble'), ('procter gamble', 'Procter & Gamble'), ('b d', 'Black & Decker'),
  ('black decker', 'Black & Decker'), ('b w', 'Bowers & Wilkins'), ('kitchen aid', 'KitchenAid'), ('tp link technologies', 'TP-Link'),
  ('tp link', 'TP-Link'), ('d link systems', 'D-Link'), ('robert bosch', 'Bosch'), ('samsung electronics', 'Samsung'), ('sony ericsson', 'Sony Ericsson');

ANALYZE neanelu.prod_value_words, neanelu.prod_attr_words, neanelu.prod_attr_kinds, neanelu.prod_brand_aliases;

COMMIT;
