package woocsv

import (
	"strconv"

	"github.com/wandstore/wandstore/services/importer/internal/table"
)

// maxAttributes is how many attributes of a product are read.
const maxAttributes = 32

// columns are the indexes of the columns, -1 for those that the file does not have.
type columns struct {
	id, kind, sku, gtin, name, published, visibility, short, description,
	saleFrom, saleTo, inStock, stock, backorders, salePrice, price,
	categories, tags, images, parent, grouped, link, position, brands int

	attributes []attributeColumns
}

type attributeColumns struct{ name, values, visible int }

func columnsOf(t *table.Reader) columns {
	c := columns{
		id: t.Column("ID"), kind: t.Column("Type", "Typ", "Tipo"),
		sku:       t.Column("SKU", "Artikelnummer", "UGS"),
		gtin:      t.Column("GTIN, UPC, EAN, or ISBN", "GTIN, UPC, EAN oder ISBN", "GTIN, UPC, EAN ou ISBN", "GTIN, UPC, EAN o ISBN"),
		name:      t.Column("Name", "Nom", "Nombre"),
		published: t.Column("Published", "Veröffentlicht", "Publié", "Publicado"),
		visibility: t.Column("Visibility in catalog", "Visibility in catalogue", "Sichtbarkeit im Katalog",
			"Visibilité dans le catalogue", "Visibilidad en el catálogo"),
		short:       t.Column("Short description", "Kurzbeschreibung", "Description courte", "Descripción corta"),
		description: t.Column("Description", "Beschreibung", "Descripción"),
		saleFrom: t.Column("Date sale price starts", "Datum, an dem Angebotspreis beginnt",
			"Date de début de promo", "Día en que empieza el precio rebajado"),
		saleTo: t.Column("Date sale price ends", "Datum, an dem Angebotspreis endet",
			"Date de fin de promo", "Día en que termina el precio rebajado"),
		inStock:    t.Column("In stock?", "Vorrätig?", "En stock ?", "En stock?", "¿Existencias?", "¿En inventario?"),                                                                                                                 //nolint:misspell // French and Spanish
		stock:      t.Column("Stock", "Bestand", "Lager", "Inventario"),                                                                                                                                                               //nolint:misspell // French and Spanish
		backorders: t.Column("Backorders allowed?", "Lieferrückstande erlaubt?", "Lieferrückstände erlaubt?", "Rückstände erlaubt?", "Autoriser les commandes de produits en rupture ?", "¿Permitir reservas de productos agotados?"), //nolint:misspell // French and Spanish
		salePrice:  t.Column("Sale price", "Angebotspreis", "Tarif promo", "Precio rebajado"),
		price:      t.Column("Regular price", "Regulärer Preis", "Tarif régulier", "Precio normal"),
		categories: t.Column("Categories", "Kategorien", "Catégories", "Categorías"),
		tags:       t.Column("Tags", "Schlagwörter", "Étiquettes", "Etiquetas"),
		images:     t.Column("Images", "Bilder", "Imágenes"),
		parent:     t.Column("Parent", "Übergeordnetes Produkt", "Superior", "Principal"),
		grouped:    t.Column("Grouped products", "Gruppierte Produkte", "Groupes de produits", "Productos agrupados"), //nolint:misspell // French and Spanish
		link:       t.Column("External URL", "Externe URL", "URL externe", "URL externa"),
		position:   t.Column("Position", "Posición"),
		brands:     t.Column("Brands", "Brand", "Marken", "Marke", "Marques", "Marcas"),
	}
	for n := range maxAttributes {
		i := strconv.Itoa(n + 1)
		a := attributeColumns{
			name:    t.Column("Attribute "+i+" name", "Attribut "+i+" Name", "Nom de l'attribut "+i, "Nombre del atributo "+i),
			values:  t.Column("Attribute "+i+" value(s)", "Attribut "+i+" Wert(e)", "Valeur(s) de l'attribut "+i, "Valor(es) del atributo "+i),
			visible: t.Column("Attribute "+i+" visible", "Attribut "+i+" Sichtbar", "Attribut "+i+" visible", "Atributo visible "+i),
		}
		if a.name >= 0 && a.values >= 0 {
			c.attributes = append(c.attributes, a)
		}
	}
	return c
}

// Recognises reports whether a table with that header is a product export of WooCommerce.
func Recognises(t *table.Reader) bool {
	c := columnsOf(t)
	return c.name >= 0 && c.price >= 0 && (c.kind >= 0 || c.sku >= 0 && c.published >= 0)
}
