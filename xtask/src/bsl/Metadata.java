import com.github._1c_syntax.bsl.mdclasses.ConfigurationExtension;
import com.github._1c_syntax.bsl.mdclasses.MDClasses;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Prints what the library mdclasses finds in a folder in the Designer's layout: a line for each fact. */
class Metadata {
    public static void main(String[] arguments) {
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        var folder = Path.of(arguments[0]);
        var read = MDClasses.createConfiguration(folder);
        out.println("type " + read.getClass().getSimpleName());
        if (read instanceof ConfigurationExtension extension) {
            for (var object : extension.getPlainChildren()) {
                out.println("object " + object.getMdoReference().getMdoRef() + " " + object.getObjectBelonging().name());
            }
            for (var module : extension.getAllModules()) {
                out.println("module " + folder.relativize(Path.of(module.getUri())).toString().replace('\\', '/'));
            }
        }
    }
}
