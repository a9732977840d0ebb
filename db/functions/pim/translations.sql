-- Deploy neanelu:functions/pim/translations to pg
-- requires: functions/pim/semantics
-- Texts of golden records in further languages: which are missing, which are stale, who may overwrite what.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._source_hash(p_title text, p_description text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT encode(sha256(convert_to(coalesce(p_title, '') || E'\n\n' || coalesce(p_description, ''), 'UTF8')), 'hex') $$;
COMMENT ON FUNCTION pim._source_hash(text, text) IS 'SHA-256 of title and description, hexadecimal: what a translation was made from. Pure. Raises: nothing';

CREATE FUNCTION pim.tg_prod_semantics__stale()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
BEGIN
    UPDATE neanelu.prod_translations AS t
       SET is_stale = t.source_hash IS DISTINCT FROM pim._source_hash(c.title_master, c.description_master), updated_at = now()
      FROM changed AS c
     WHERE t.product_id = c.product_id AND t.is_stale <> (t.source_hash IS DISTINCT FROM pim._source_hash(c.title_master, c.description_master));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pim.tg_prod_semantics__stale() IS
    'Marks translations as stale whose text has changed since, and takes the mark back where it is as it was. Locks: those translations. Raises: nothing';

GRANT EXECUTE ON FUNCTION pim.tg_prod_semantics__stale() TO neanelu_owner;
SET LOCAL ROLE neanelu_owner;
CREATE TRIGGER tg_prod_semantics__stale_insert AFTER INSERT ON neanelu.prod_semantics
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pim.tg_prod_semantics__stale();
CREATE TRIGGER tg_prod_semantics__stale_update AFTER UPDATE ON neanelu.prod_semantics
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION pim.tg_prod_semantics__stale();
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim.untranslated(p_locale text, p_limit integer DEFAULT 1000)
RETURNS TABLE (product_id uuid, source_locale text, title text, description text, source_hash text, is_stale boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT s.product_id, s.locale, s.title_master, s.description_master, pim._source_hash(s.title_master, s.description_master), t.id IS NOT NULL
      FROM neanelu.prod_semantics AS s
      JOIN neanelu.prod_master AS m ON m.id = s.product_id AND m.lifecycle_status = 'active' AND m.dedupe_status <> 'duplicate'
      LEFT JOIN neanelu.prod_translations AS t ON t.product_id = s.product_id AND t.locale = p_locale
     WHERE split_part(s.locale, '-', 1) <> split_part(p_locale, '-', 1) AND (t.id IS NULL OR t.is_stale)
     ORDER BY pim._level_rank(m.data_quality_level) DESC, m.id
     LIMIT p_limit
$$;
COMMENT ON FUNCTION pim.untranslated(text, integer) IS
    'Products that have no text in a language, or a stale one, the best first, with the text to translate and its hash, which pim.set_translations wants back. '
    'Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim.set_translations(p_rows jsonb, p_source text)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_written integer;
BEGIN
    WITH given AS (
        SELECT DISTINCT ON (r.product_id, r.locale) r.*, pim._source_hash(s.title_master, s.description_master) AS hash_now
          FROM jsonb_to_recordset(p_rows) AS r (product_id uuid, locale text, title text, description text, description_short text, keywords text[],
                                                seo_title text, seo_description text, quality_score numeric, source_hash text)
          JOIN neanelu.prod_semantics AS s ON s.product_id = r.product_id
         ORDER BY r.product_id, r.locale
    )
    INSERT INTO neanelu.prod_translations AS t (product_id, locale, title, description, description_short, keywords, seo_title, seo_description,
                                                translation_source, quality_score, is_approved, source_hash, is_stale)
    SELECT g.product_id, g.locale, g.title, g.description, left(g.description_short, 500), g.keywords, left(g.seo_title, 255), g.seo_description,
           p_source, g.quality_score, p_source = 'manual', coalesce(g.source_hash, g.hash_now), coalesce(g.source_hash <> g.hash_now, false)
      FROM given AS g
     ORDER BY g.product_id, g.locale
    ON CONFLICT (product_id, locale) DO UPDATE
       SET title = excluded.title, description = excluded.description, description_short = excluded.description_short, keywords = excluded.keywords,
           seo_title = excluded.seo_title, seo_description = excluded.seo_description, translation_source = excluded.translation_source,
           quality_score = excluded.quality_score, is_approved = excluded.is_approved, source_hash = excluded.source_hash, is_stale = excluded.is_stale,
           updated_at = now()
     -- What a person wrote or approved stays until its text has changed.
     WHERE p_source = 'manual' OR t.is_stale OR NOT (t.is_approved OR t.translation_source IS NOT DISTINCT FROM 'manual');
    GET DIAGNOSTICS v_written = ROW_COUNT;
    RETURN v_written;
END
$$;
COMMENT ON FUNCTION pim.set_translations(jsonb, text) IS
    'Writes translations: [{"product_id", "locale", "title", "description", "description_short", "keywords", "seo_title", "seo_description", "quality_score", '
    '"source_hash"}], p_source manual, ai or import. One whose source_hash is not that of the text any more is stale from the start. What a person wrote or approved is '
    'overwritten by a person, or when it is stale. Returns how many were written. Idempotent. Locks: the rows. Raises: 23514 another source, or no locale';

CREATE FUNCTION pim.approve_translations(p_product_ids uuid[], p_locale text, p_is_approved boolean DEFAULT true)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_changed integer;
BEGIN
    UPDATE neanelu.prod_translations AS t SET is_approved = p_is_approved, updated_at = now()
     WHERE t.product_id = ANY (p_product_ids) AND t.locale = p_locale AND t.is_approved <> p_is_approved AND NOT (p_is_approved AND t.is_stale);
    GET DIAGNOSTICS v_changed = ROW_COUNT;
    RETURN v_changed;
END
$$;
COMMENT ON FUNCTION pim.approve_translations(uuid[], text, boolean) IS
    'Says that a person agrees with translations, or does not any more; stale ones are not approved. Returns how many changed. Idempotent. Locks: the rows. Raises: nothing';

GRANT EXECUTE ON FUNCTION pim.untranslated(text, integer) TO neanelu_ai, neanelu_worker, neanelu_pim_editor, neanelu_operator;
GRANT EXECUTE ON FUNCTION pim.set_translations(jsonb, text) TO neanelu_ai, neanelu_worker, neanelu_pim_editor;
GRANT EXECUTE ON FUNCTION pim.approve_translations(uuid[], text, boolean) TO neanelu_pim_editor;

COMMIT;
