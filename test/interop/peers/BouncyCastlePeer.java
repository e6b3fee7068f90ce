// Bouncy Castle as a peer of the interop matrix. Reads commands from standard input, fields apart by tabs, and answers each
// with a line: "ok FILE" or "no WORDS". Commands:
//   verify OBJECT CONTENT|- ROOT OUT      sign CONTENT CERT KEY pss|- detached|inside OUT
//   decrypt OBJECT CERT KEY OUT           encrypt CONTENT CERT CIPHER oaep|v15 OUT
//   inflate OBJECT OUT                    deflate CONTENT OUT
import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.util.*;
import org.bouncycastle.asn1.*;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.*;
import org.bouncycastle.cert.jcajce.*;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.*;
import org.bouncycastle.operator.jcajce.*;
import org.bouncycastle.util.Store;

public class BouncyCastlePeer {
  static X509CertificateHolder holder(String file) throws Exception {
    try (PEMParser parser = new PEMParser(new FileReader(file))) { return (X509CertificateHolder) parser.readObject(); }
  }

  static X509Certificate certificate(String file) throws Exception {
    return new JcaX509CertificateConverter().setProvider("BC").getCertificate(holder(file));
  }

  static PrivateKey key(String file) throws Exception {
    try (PEMParser parser = new PEMParser(new FileReader(file))) {
      return new JcaPEMKeyConverter().setProvider("BC")
          .getPrivateKey((org.bouncycastle.asn1.pkcs.PrivateKeyInfo) parser.readObject());
    }
  }

  static byte[] bytes(String file) throws IOException { return Files.readAllBytes(Path.of(file)); }

  static byte[] verify(String object, String content, String root) throws Exception {
    CMSSignedData signed = content.equals("-") ? new CMSSignedData(bytes(object))
        : new CMSSignedData(new CMSProcessableByteArray(bytes(content)), bytes(object));
    Store<X509CertificateHolder> store = signed.getCertificates();
    for (SignerInformation signer : signed.getSignerInfos().getSigners()) {
      @SuppressWarnings("unchecked")
      Collection<X509CertificateHolder> found = store.getMatches(signer.getSID());
      X509CertificateHolder leaf = found.iterator().next();
      if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(leaf)))
        throw new Exception("signer.verify says false");
      if (!leaf.isSignatureValid(new JcaContentVerifierProviderBuilder().setProvider("BC").build(holder(root))))
        throw new Exception("certificate is not of the root");
    }
    if (signed.getSignerInfos().size() == 0) throw new Exception("no signer");
    return (byte[]) signed.getSignedContent().getContent();
  }

  static byte[] decrypt(String object, String certificate, String key) throws Exception {
    ContentInfo info = new ContentInfo(bytes(object));
    PrivateKey own = key(key);
    boolean agreement = !own.getAlgorithm().equals("RSA");
    RecipientInformation recipient;
    Recipient opener;
    if (info.authenticated) {
      recipient = new CMSAuthEnvelopedData(info.bytes).getRecipientInfos().getRecipients().iterator().next();
      opener = agreement ? new JceKeyAgreeAuthEnveloped(own).recipient() : new JceKeyTransAuthEnvelopedRecipient(own).setProvider("BC");
    } else {
      recipient = new CMSEnvelopedData(info.bytes).getRecipientInfos().getRecipients().iterator().next();
      opener = agreement ? new JceKeyAgreeEnvelopedRecipient(own).setProvider("BC") : new JceKeyTransEnvelopedRecipient(own).setProvider("BC");
    }
    return recipient.getContent(opener);
  }

  static class JceKeyAgreeAuthEnveloped {
    JceKeyAgreeAuthEnveloped(PrivateKey key) {}
    Recipient recipient() throws Exception { throw new Exception("no JceKeyAgreeAuthEnvelopedRecipient in this release"); }
  }

  static class ContentInfo {
    final byte[] bytes;
    final boolean authenticated;
    ContentInfo(byte[] bytes) {
      this.bytes = bytes;
      String oid = org.bouncycastle.asn1.cms.ContentInfo.getInstance(bytes).getContentType().getId();
      authenticated = oid.equals("1.2.840.113549.1.9.16.1.23");
    }
  }

  static byte[] sign(String content, String certificate, String key, boolean pss, boolean detached) throws Exception {
    PrivateKey own = key(key);
    String curve = own.getAlgorithm();
    String name = curve.equals("RSA") ? (pss ? "SHA256withRSAandMGF1" : "SHA256withRSA")
        : curve.startsWith("EC") ? "SHA256withECDSA" : curve;
    CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
    ContentSigner signer = new JcaContentSignerBuilder(name).setProvider("BC").build(own);
    generator.addSignerInfoGenerator(new JcaSignerInfoGeneratorBuilder(
        new JcaDigestCalculatorProviderBuilder().setProvider("BC").build()).build(signer, certificate(certificate)));
    generator.addCertificates(new JcaCertStore(List.of(certificate(certificate))));
    return generator.generate(new CMSProcessableByteArray(bytes(content)), !detached).getEncoded();
  }

  static byte[] encrypt(String content, String certificate, String cipher, boolean oaep) throws Exception {
    X509Certificate to = certificate(certificate);
    ASN1ObjectIdentifier oid = switch (cipher) {
      case "aes-128-cbc" -> CMSAlgorithm.AES128_CBC;
      case "aes-256-cbc" -> CMSAlgorithm.AES256_CBC;
      case "aes-128-gcm" -> CMSAlgorithm.AES128_GCM;
      case "aes-256-gcm" -> CMSAlgorithm.AES256_GCM;
      case "chacha20-poly1305" -> new ASN1ObjectIdentifier("1.2.840.113549.1.9.16.3.18");
      default -> throw new Exception("no content encryption algorithm " + cipher);
    };
    RecipientInfoGenerator recipient;
    String algorithm = to.getPublicKey().getAlgorithm();
    if (algorithm.equals("RSA")) {
      JceKeyTransRecipientInfoGenerator transport;
      if (oaep) {
        AlgorithmIdentifierHolder h = new AlgorithmIdentifierHolder();
        transport = new JceKeyTransRecipientInfoGenerator(to, h.oaepSha256());
      } else transport = new JceKeyTransRecipientInfoGenerator(to);
      recipient = transport.setProvider("BC");
    } else {
      KeyPairGenerator pairs = KeyPairGenerator.getInstance(algorithm.startsWith("EC") ? "EC" : algorithm, "BC");
      if (algorithm.startsWith("EC")) pairs.initialize(((java.security.interfaces.ECPublicKey) to.getPublicKey()).getParams());
      KeyPair ephemeral = pairs.generateKeyPair();
      JceKeyAgreeRecipientInfoGenerator agreement = new JceKeyAgreeRecipientInfoGenerator(
          algorithm.startsWith("EC") ? CMSAlgorithm.ECDH_SHA256KDF : new ASN1ObjectIdentifier("1.2.840.113549.1.9.16.3.19"),
          ephemeral.getPrivate(), ephemeral.getPublic(), CMSAlgorithm.AES256_WRAP);
      agreement.addRecipient(to);
      recipient = agreement.setProvider("BC");
    }
    OutputEncryptor encryptor = new JceCMSContentEncryptorBuilder(oid).setProvider("BC").build();
    CMSTypedData data = new CMSProcessableByteArray(bytes(content));
    if (cipher.endsWith("gcm") || cipher.startsWith("chacha")) {
      CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();
      generator.addRecipientInfoGenerator(recipient);
      return generator.generate(data, (OutputAEADEncryptor) encryptor).getEncoded();
    }
    CMSEnvelopedDataGenerator generator = new CMSEnvelopedDataGenerator();
    generator.addRecipientInfoGenerator(recipient);
    return generator.generate(data, encryptor).getEncoded();
  }

  static class AlgorithmIdentifierHolder {
    org.bouncycastle.asn1.x509.AlgorithmIdentifier oaepSha256() throws Exception {
      return new JcaAlgorithmParametersConverter().getAlgorithmIdentifier(
          org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers.id_RSAES_OAEP,
          new javax.crypto.spec.OAEPParameterSpec("SHA-256", "MGF1", java.security.spec.MGF1ParameterSpec.SHA256,
              javax.crypto.spec.PSource.PSpecified.DEFAULT));
    }
  }

  static byte[] inflate(String object) throws Exception {
    return new CMSCompressedData(bytes(object)).getContent(new org.bouncycastle.cms.jcajce.ZlibExpanderProvider());
  }

  static byte[] deflate(String content) throws Exception {
    return new CMSCompressedDataGenerator().generate(new CMSProcessableByteArray(bytes(content)),
        new org.bouncycastle.cms.jcajce.ZlibCompressor()).getEncoded();
  }

  static byte[] answer(String[] f) throws Exception {
    return switch (f[0]) {
      case "verify" -> verify(f[1], f[2], f[3]);
      case "decrypt" -> decrypt(f[1], f[2], f[3]);
      case "sign" -> sign(f[1], f[2], f[3], f[4].equals("pss"), f[5].equals("detached"));
      case "encrypt" -> encrypt(f[1], f[2], f[3], f[4].equals("oaep"));
      case "inflate" -> inflate(f[1]);
      case "deflate" -> deflate(f[1]);
      default -> throw new Exception("no command " + f[0]);
    };
  }

  public static void main(String[] args) throws Exception {
    Security.addProvider(new BouncyCastleProvider());
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    System.out.println("ok " + Security.getProvider("BC").getVersionStr());
    for (String line; (line = in.readLine()) != null; ) {
      String[] fields = line.split("\t");
      try {
        Files.write(Path.of(fields[fields.length - 1]), answer(fields));
        System.out.println("ok " + fields[fields.length - 1]);
      } catch (Throwable problem) {
        Throwable cause = problem.getCause() == null ? problem : problem.getCause();
        System.out.println("no " + (problem + (cause == problem ? "" : ": " + cause)).replaceAll("\\s+", " "));
      }
    }
  }
}
